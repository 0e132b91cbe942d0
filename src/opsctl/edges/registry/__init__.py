"""The registry HTTP API (OCI distribution-spec 1.1)."""
