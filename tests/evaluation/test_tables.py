"""The table: what it says, what it marks, and its three forms."""

from __future__ import annotations

import math

import pytest

from pdgn.evaluation.tables import error_table, shown_groups


def scores(mae, *, relative=0.5, end=0.75, diverged=0.0, trajectories=3, windows=3, channel="T"):
    errors = {"mae": mae, "rmse": mae, "capped_relative_l2": relative, "end_relative_l2": end}
    total = {**{name: {channel: value} for name, value in errors.items()}, "diverged": diverged}
    return {"total": total, "trajectories": trajectories, "windows": windows}


@pytest.fixture
def table():
    models = {
        "padgn": {"seen": scores(0.01234), "unseen": scores(math.nan, diverged=0.25)},
        "persistence": {"seen": scores(0.5), "unseen": scores(0.75)},
        "fixed_operators": {"seen": scores(None), "unseen": scores(1.5)},
    }
    return error_table(models, ["seen", "unseen"], "T", "K")


def test_cells_units_and_the_best(table):
    assert table.columns == ("MAE", "RMSE", "rel. L2", "end rel. L2", "diverged")
    assert table.caption == "Errors of T over the whole roll-out; MAE and RMSE in K"
    assert table.names == ("PA-DGN", "Persistence", "Fixed operators")
    assert table.cells[0] == ("0.0123", "0.0123", "0.5", "0.75", "0 %", "NaN", "NaN", "0.5", "0.75", "25 %")
    assert table.cells[2][0] == "–"
    assert table.best == {(0, 0), (0, 1), (1, 5), (1, 6)}  # a NaN is never the best, and equal cells have no best


def test_text_has_one_line_per_model_and_aligned_columns(table):
    lines = table.text().splitlines()
    assert len(lines) == 7 and "Seen surfaces (3 trajectories)" in lines[1]
    assert lines[4].startswith("PA-DGN") and "0.0123*" in lines[4] and "NaN" in lines[4]
    assert lines[2].index("MAE") + len("MAE") == lines[4].index("0.0123") + len("0.0123")


def test_markdown_and_html_hold_the_same_cells(table):
    rows = table.markdown().splitlines()
    assert rows[4].startswith("| PA-DGN | **0.0123** | **0.0123** | 0.5 | 0.75 | 0 % | NaN |")
    assert rows[3].count("---:") == 10
    text = table.html()
    assert text.count('scope="row"') == 3 and text.count("<td") == 1 + 3 * 10
    assert "<strong>0.0123</strong>" in text and 'scope="colgroup" colspan="5">Unseen surfaces (3 traj' in text


def test_names_are_escaped_in_html():
    table = error_table({"<x>": {"all": scores(1.0, windows=9, channel="<u>")}}, ["all"], "<u>", "1")
    assert "<x>" not in table.html() and "&lt;u&gt;" in table.html()
    assert table.groups == ("All test trajectories (3 trajectories, 9 windows)",) and "dimensionless" in table.caption


def test_seen_and_unseen_are_shown_only_where_both_exist():
    assert shown_groups({"seen": [], "unseen": [], "all": []}) == ["seen", "unseen"]
    assert shown_groups({"seen": [], "all": []}) == ["all"]


def test_a_table_may_have_fewer_columns():
    table = error_table({"padgn": {"mesh:a": scores(1.0)}}, ["mesh:a"], "T", "kg/m^2", ("mae", "capped_relative_l2"))
    assert table.columns == ("MAE", "rel. L2") and table.cells == (("1", "0.5"),) and table.groups[0].startswith("a (")
    assert table.caption.endswith("; MAE in kg/m²") and table.best == set()
