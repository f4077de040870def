"""python evaluate.py --checkpoint runs/<name>/best.ckpt [--data FILE], the same as `pdgn evaluate`."""

from __future__ import annotations

import sys

from pdgn.cli.main import main

if __name__ == "__main__":
    sys.exit(main(command="evaluate"))
