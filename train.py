"""Trains a model and its baselines: `python train.py --config configs/demo.yaml` is `pdgn train --config demo`."""

import sys

from pdgn.cli.main import main

if __name__ == "__main__":
    sys.exit(main(command="train"))
