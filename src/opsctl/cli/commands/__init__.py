"""One module for a command or a small family of them; each parses, calls one flow, shows, and returns an exit code."""
