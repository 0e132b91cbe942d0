"""Grafana: pictures of metrics and logs, and its own alerts where somebody keeps them there."""
