"""cAdvisor: the memory, health and life of containers, as metrics."""
