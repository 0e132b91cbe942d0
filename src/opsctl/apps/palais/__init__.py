"""Palais, an application of its owner's own, built from a local context."""
