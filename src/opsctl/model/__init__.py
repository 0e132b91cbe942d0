"""What the operator wrote: frozen models that refuse unknown keys."""
