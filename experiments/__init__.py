"""The comparison of models that docs/results.md reports, row by row: python -m experiments."""
