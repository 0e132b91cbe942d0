"""Caddy: the server in front of sites."""
