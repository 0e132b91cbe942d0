"""The Docker engine's HTTP API over any byte stream that leads to its socket."""
