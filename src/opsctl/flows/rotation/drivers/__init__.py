"""What tells the system that keeps a password: one driver for each kind of system."""
