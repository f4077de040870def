"""Makes a dataset: python datasets/generate.py --config datasets/demo.yaml --output data/demo.h5."""

import sys

from pdgn.cli.main import main

if __name__ == "__main__":
    sys.exit(main(command="generate"))
