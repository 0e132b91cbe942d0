"""What opsctl knows of kinds of software: typed settings, rules, probes, upgrades."""
