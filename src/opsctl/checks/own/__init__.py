"""Checks that stand in stack files."""
