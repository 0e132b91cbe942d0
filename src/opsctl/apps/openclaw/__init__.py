"""OpenClaw's gateway, and the containers that it starts by itself."""
