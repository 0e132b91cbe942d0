"""Putting checks to the world: the answers, the patience, many at a time."""
