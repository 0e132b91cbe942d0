"""HTTP and TLS over any byte stream: from here, or through a host."""
