"""Loki: the store of logs."""
