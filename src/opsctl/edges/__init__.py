"""Where opsctl meets the world: SSH, the local machine, the engine, the secret files, the clock."""
