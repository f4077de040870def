"""The table of experiment 1, of the rows that have been run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from experiments.directional.functions import PLANE
from experiments.directional.problem import SPHERE
from experiments.directional.row import MODELS

# Test MSE × 10² as published for the two functions of the plane, one seed.
PUBLISHED = {
    "finite-difference": (6.42, 5.90),
    "mlp": (2.12, 2.29),
    "gn": (1.05, 2.17),
    "one-weight": (1.41, 6.73),
    "sdl": (0.97, 1.26),
}


def table(results: Path) -> str:
    """Test MSE × 10², mean ± standard deviation over the seeds, as a table of Markdown.

    Args:
        results: the folder with one folder for each row, MODEL-SEED.
    """
    names = [*PLANE, SPHERE]
    head = [
        "model",
        *(cell for name in PLANE for cell in (name, "published")),
        SPHERE,
        "seeds",
        "parameters",
        "seconds",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for model in MODELS:
        rows = [json.loads(path.read_text()) for path in sorted(results.glob(f"{model}-[0-9]*/metrics.json"))]
        if rows:
            cells = {name: _spread([row["scores"].get(name) for row in rows]) for name in names}
            published = [f"{value:.2f}" for value in PUBLISHED.get(model, ())] or ["", ""]
            plane = [cell for name, value in zip(PLANE, published) for cell in (cells[name], value)]
            limited = " (budget-limited)" if any(row["budget_limited"] for row in rows) else ""
            seconds = f"{np.mean([row['seconds'] for row in rows]):.0f}"
            rest = [str(len(rows)), str(rows[0]["parameters"]), seconds]
            lines.append("| " + " | ".join([model + limited, *plane, cells[SPHERE], *rest]) + " |")
    return "\n".join(lines)


def _spread(scores: list[float | None]) -> str:
    known = [100 * score for score in scores if score is not None]
    if not known:
        return ""
    mean, deviation = np.mean(known), np.std(known, ddof=1) if len(known) > 1 else 0.0
    return f"{mean:.2e} ± {deviation:.0e}" if mean < 0.005 else f"{mean:.3f} ± {deviation:.3f}"
