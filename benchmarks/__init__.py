"""How fast the project is, as ratios to the bare libraries, both sides measured in one run: python -m benchmarks."""
