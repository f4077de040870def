"""How fast the project is, in ratios to plain code and bare libraries, the sides in turn: python -m benchmarks."""
