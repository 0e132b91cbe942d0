"""From what the operator wrote to what each host shall hold: pure, deterministic byte for byte."""
