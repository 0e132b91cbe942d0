"""n8n: what its environment says, and what goes wrong with it."""
