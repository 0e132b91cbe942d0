"""Alloy: what brings logs to Loki."""
