"""One fake for each port of opsctl.edges.ports: programmed by the test, and remembering what was asked of it."""
