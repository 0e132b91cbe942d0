"""What a person or a script sees of a report: pure functions from reports to lines, tables and JSON."""
