"""Secrets as far as they can be thought about without a key, a clock or chance: versions, policies, rotations."""
