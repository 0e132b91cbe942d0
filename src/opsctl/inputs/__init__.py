"""Opens the operator's files and makes one cross-checked fleet of them, or names everything that is wrong."""
