"""Images from the operator's engine to a host that reaches no registry."""
