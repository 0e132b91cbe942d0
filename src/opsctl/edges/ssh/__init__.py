"""One SSH connection per host and run, on paramiko: who and where, host keys, keys, channels, commands."""
