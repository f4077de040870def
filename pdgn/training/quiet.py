"""Lightning without its chatter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = [
    ".*does not have many workers.*",  # reading is lazy and small; training.workers is there for those who need it
    ".*Checkpoint directory .* exists and is not empty.*",  # a resumed run
    ".*isinstance\\(treespec, LeafSpec\\).*",  # from inside Lightning
    ".*The number of training batches .* is smaller than the logging interval.*",  # rows are written per epoch
    ".*`broadcast_buffers` is deprecated.*",  # its successor is not in all versions of torch that are supported
    ".*It is recommended to use `self.log.*sync_dist=True.*",  # what is logged is summed over the processes already
    ".*GPU available but not used.*",  # the config says which device
]
_LOGGERS = ["lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"]


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silences Lightning's information lines and a list of known hints; other warnings pass.

    Yields:
        Nothing.
    """
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _CHATTER:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
