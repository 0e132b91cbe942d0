"""Commands as data: what would be run on a host, built by pure functions and run at one place."""
