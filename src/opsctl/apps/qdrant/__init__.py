"""Qdrant: what its configuration says, and what goes wrong with it."""
