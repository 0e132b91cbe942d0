"""What can be known to be wrong before any host is asked: rules with an id, and the findings they make."""
