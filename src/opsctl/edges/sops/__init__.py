"""Secret stores in SOPS' own file format (YAML, age): what sops reads and writes, without the sops program."""
