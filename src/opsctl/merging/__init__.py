"""Some keys of a YAML or JSON file that somebody else writes: read, compared, and spliced in so that no other byte changes."""
