"""Sure, the personal finance application of we-promise."""
