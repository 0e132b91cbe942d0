"""What opsctl knows of PostgreSQL."""
