"""Headscale: the keys of its configuration that matter, the records that it serves, and what goes wrong with both."""
