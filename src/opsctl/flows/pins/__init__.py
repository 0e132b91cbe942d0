"""Pinning: the images of a fleet, registries and engines that know them, and the lock that holds what they said."""
