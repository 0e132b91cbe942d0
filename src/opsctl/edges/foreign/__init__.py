"""Secrets as other tools keep them, read only."""
