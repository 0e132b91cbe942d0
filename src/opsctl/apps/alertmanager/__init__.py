"""Alertmanager: who is told of an alert, and how."""
