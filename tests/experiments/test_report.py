"""docs/results.md: its numbers are those of the files."""

from __future__ import annotations

import copy
import math
import re
from pathlib import Path

import pytest

from benchmarks.marked import MarkerError
from experiments.dataset import ROOT
from experiments.report import report, write_tables
from experiments.results import MOST_BYTES, RESULTS, results_file, write_result
from experiments.rows import Row
from experiments.scores import Spread, at_step, diverged
from experiments.tables import best

STEPS = [1, 5, 15]
ROWS = [Row("plane_250", model, seed, True) for model in ("gru", "ours", "mlp") for seed in range(3)]


def metrics(row: Row, mae: float, limited: bool = False) -> dict:
    group = {
        "windows": 150,
        "total": {"mae": {"f": mae}, "diverged": 0.0, "time_to_divergence": None, "end_relative_l2": {"f": mae}},
        "steps": STEPS,
        "per_step": {"mae": {"f": [0.1 * mae, 0.5 * mae, 2 * mae]}},
    }
    return {
        "experiment": row.experiment,
        "model": row.model,
        "seed": row.seed,
        "commands": [f"python train.py --name {row.model}-{row.seed}"],
        "device": "CPU",
        "parameters": 1234,
        "training": {
            "epochs": 7, "core_seconds": 90.0, "best_epoch": 5, "ended": "time" if limited else "patience",
            "budget_limited": limited, "core_minutes": 10.0, "signal_std": [2.0],
        },
        "tests": {"test": {"groups": {"all": group}}},
    }  # fmt: skip


def write(folder: Path, values: dict[str, list[float]], limited: tuple[str, ...] = ()) -> Path:
    for row in ROWS:
        if row.model in values and row.seed < len(values[row.model]):
            mae = values[row.model][row.seed]
            write_result(results_file(row, folder), metrics(row, mae, limited=row.model in limited))
    return folder


def line(text: str, model: str) -> list[str]:
    """The cells of a model's line."""
    found = [row for row in text.splitlines() if row.startswith((f"| {model}", f"| **{model}**"))]
    assert len(found) == 1, found
    return [cell.strip() for cell in found[0].strip("|").split("|")]


def test_numbers_come_from_the_files(tmp_path: Path) -> None:
    text = report(write(tmp_path, {"gru": [0.2, 0.4, 0.6], "ours": [0.01, 0.02, 0.03]}), ROWS)
    assert line(text, "gru")[1:] == [
        "0.0400 ± 0.0200", "0.200 ± 0.100", "0.800 ± 0.400", "0.400 ± 0.200", "0.200 ± 0.100", "3", "1,234", "1.5"
    ]  # fmt: skip
    assert line(text, "ours")[4] == "**0.0200 ± 0.0100**" and "**" not in line(text, "gru")[4]
    changed = report(write(tmp_path, {"gru": [0.2, 0.4, 0.6], "ours": [0.91, 0.92, 0.93]}), ROWS)
    assert line(changed, "gru")[4] == "**0.400 ± 0.200**"  # the best is found anew


def test_missing_rows_are_named(tmp_path: Path) -> None:
    text = report(write(tmp_path, {"gru": [0.2, 0.4, 0.6], "ours": [0.1]}), ROWS)
    assert "Missing: ours-1, ours-2, mlp-0, mlp-1, mlp-2." in text
    assert "4 of the 9 rows of the core matrix" in text
    assert line(text, "ours")[4] == "**0.100**" and line(text, "ours")[6] == "1"  # one seed has no deviation
    assert "3. Stations" in text.split("## Not run yet")[1]


def test_a_budget_that_was_met_is_marked_and_commands_are_there(tmp_path: Path) -> None:
    text = report(write(tmp_path, {"gru": [0.2, 0.4], "ours": [0.1]}, limited=("gru",)), ROWS)
    assert "*budget-limited*" in line(text, "gru")[0] and "budget" not in line(text, "ours")[0]
    assert "# plane_250/gru-1, 1.5 of at most 10 min, 7 epochs, best 5, met the cap, CPU\n" in text
    assert "python train.py --name gru-1\n" in text and "ended by patience" in text


def test_the_deviation_is_that_of_a_sample() -> None:
    spread = Spread.of([1.0, 2.0, 4.0])
    assert spread.mean == pytest.approx(7 / 3) and spread.deviation == pytest.approx(math.sqrt(7 / 3))
    assert Spread.of([3.0]).text() == "3.00" and Spread.of([]).text() == "—"
    assert Spread.of([1e-6, 3e-6]).text() == "2.00e-06 ± 1e-06" and Spread.of([12345.0, 12345.0]).text() == "12345 ± 0"
    assert Spread.of([math.nan, 1.0]).text() == "—"


def test_divergence_is_counted_over_all_tests() -> None:
    result = metrics(ROWS[0], 0.1)
    assert diverged(result)[0] == 0 and math.isnan(diverged(result)[1])
    real = copy.deepcopy(result["tests"]["test"])
    real["groups"]["all"] |= {"windows": 50}
    real["groups"]["all"]["total"] |= {"diverged": 0.5, "time_to_divergence": {"mean": 2.0, "min": 1.5}}
    result["tests"]["real"] = real
    assert diverged(result) == (25 / 200, 1.5)
    result["tests"]["real"] = {"skipped": "no spot.obj"}
    assert diverged(result)[0] == 0


def test_a_step_that_is_not_kept_has_no_number() -> None:
    result = metrics(ROWS[0], 0.1)
    assert at_step(result, "test", "all", "mae", 5) == pytest.approx(0.05)
    assert math.isnan(at_step(result, "test", "all", "mae", 6))
    assert math.isnan(at_step(result, "real", "all", "mae", 5))


def test_large_metrics_are_refused_and_floats_are_short(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    with pytest.raises(ValueError, match=f"wanted at most {MOST_BYTES} bytes"):
        write_result(path, {"values": [0.123456789] * 10_000})
    assert not path.exists()
    write_result(path, {"values": [0.123456789, math.nan, math.inf], "none": None})
    assert '"values": [0.12346, "NaN", "Infinity"]' in path.read_text()


def test_the_readme_shows_what_the_files_say(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    copy = tmp_path / "README.md"
    copy.write_text(re.sub(r"\| \*\*ours\*\*.*", "| ours | made up |", text))
    write_tables(copy, ROOT / RESULTS)
    assert copy.read_text() == text, "run python -m experiments --report"
    assert text.count("| **ours**") >= 5


def test_a_marker_of_nothing_is_named(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("<!-- results:heat -->\nold\n<!-- /results -->\n<!-- results:cold -->\n<!-- /results -->\n")
    with pytest.raises(MarkerError, match=r"README.md:4: wanted one of directional, .*, given 'cold'"):
        write_tables(document, ROOT / RESULTS)
    document.write_text("<!-- results:heat -->\nold\n")
    with pytest.raises(MarkerError, match="wanted <!-- /results --> after results:heat, given the end"):
        write_tables(document, ROOT / RESULTS)
    assert "old" in document.read_text()


def test_what_is_within_a_deviation_of_the_best_is_bold_too() -> None:
    values = {"a": Spread(1.0, 0.2), "b": Spread(1.1, 0.5), "c": Spread(1.3, 0.5), "d": Spread(math.nan, math.nan)}
    assert best(values) == {"a", "b"}
    assert best({"a": Spread(1.0, math.nan), "b": Spread(1.0, math.nan), "c": Spread(1.1, 9.0)}) == {"a", "b"}
    assert best({"a": Spread(1.0, 0.2), "d": Spread(math.nan, math.nan)}) == set()
