"""`python -m pdgn` is `pdgn`."""

import sys

from pdgn.cli.main import main

sys.exit(main())
