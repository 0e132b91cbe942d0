"""Desired (what the files ask for), Observed (what one look at a host found), Fingerprint (what compares them)."""
