"""Checks asked round after round: what changed, and whom to tell."""
