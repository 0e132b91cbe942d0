"""opsctl deploys Docker Compose stacks to a few servers over SSH."""

__version__ = "0.1.0"
