"""Checks: what is asked of a running environment, and what the answers mean."""
