"""What the Python helpers under `scripts/` share: genotypes, run records, command-line errors."""
