"""The log of a run: one CSV row per epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger

from pdgn.data.disk import write_bytes


class MetricsLog(Logger):
    """Keeps one row per epoch in a CSV file, across interruptions.

    Args:
        path: the file.
        epochs: epochs that the checkpoint has completed; rows after them are dropped, their epochs run again.
    """

    def __init__(self, path: str | Path, epochs: int = 0) -> None:
        super().__init__()
        self.path = Path(path)
        rows = read_metrics(self.path) if epochs and self.path.exists() else []
        self.rows = {int(row["epoch"]): row for row in rows if int(row["epoch"]) <= epochs}

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def version(self) -> str:
        """Empty: one file, one version."""
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the resolved config has a file of its own.

        Args:
            params: not used.
            args: not used.
            kwargs: not used.
        """

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Adds values to the row of an epoch and writes the file.

        Args:
            metrics: names and values.
            step: the epoch, counted from 1.
        """
        row = self.rows.setdefault(int(step or 0), {"epoch": int(step or 0)})
        row.update({name: value for name, value in metrics.items() if name != "epoch"})
        columns = list(dict.fromkeys(name for row in self.rows.values() for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows[epoch] for epoch in sorted(self.rows))
        write_bytes(self.path, text.getvalue().encode())


def read_metrics(path: str | Path) -> list[dict[str, float]]:
    """Reads a log back.

    Args:
        path: metrics.csv.

    Returns:
        One dictionary per epoch; a value that was not logged is left out.

    Raises:
        ValueError: a cell that is no number; the message names file, row and column.
    """
    rows: list[dict[str, float]] = []
    with open(path, newline="") as file:
        for number, cells in enumerate(csv.DictReader(file), 2):
            row: dict[str, float] = {}
            for name, cell in cells.items():
                try:
                    row.update({name: int(cell) if name == "epoch" else float(cell)} if cell else {})
                except (TypeError, ValueError):
                    raise ValueError(f"{path}, line {number}, column {name}: wanted a number, given {cell!r}") from None
            rows.append(row)
    return rows
