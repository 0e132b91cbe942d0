"""The command line: parse, ask, call a flow, show, and end with an exit code."""
