"""The same ports on this machine: processes instead of channels, the engine's own socket instead of a forwarded one."""
