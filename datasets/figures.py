"""Draws the figure of a data card: python datasets/figures.py --data FILE.h5 --output datasets/figures/NAME.png."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image

from pdgn.data import open_file
from pdgn.evaluation.dataset_figure import dataset_figure

RESOLUTION = 100  # dots per inch; with a palette of 256 colours a figure stays below 150 kB


def main() -> int:
    """Reads the file, draws, writes the PNG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a dataset file")
    parser.add_argument("--output", required=True, type=Path, help="the PNG")
    parser.add_argument("--field", help="which field; by default the first")
    parser.add_argument("--meshes", nargs="+", help="which meshes; by default up to three")
    args = parser.parse_args()
    try:
        with open_file(args.data) as file:
            figure = dataset_figure(file, field=args.field, meshes=args.meshes)
    except (ValueError, OSError) as error:
        print(f"figures: error: {error}", file=sys.stderr)
        return 2
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=RESOLUTION)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(buffer).convert("RGB").quantize(256, kmeans=2, dither=Image.Dither.NONE)
    image.save(args.output, optimize=True)
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
