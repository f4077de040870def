"""Tables about the models: when they diverge, and what they cost."""

from __future__ import annotations

from pdgn.evaluation.model_tables import divergence_table, model_table


def total(diverged, times):
    return {"total": {"diverged": diverged, "time_to_divergence": times}, "trajectories": 4, "windows": 4}


def test_divergence_is_told_with_its_times_and_their_unit():
    times = {"mean": 2.5, "median": 2.0, "min": 1.25}
    models = {"padgn": {"seen": total(0.75, times)}, "persistence": {"seen": total(0.0, None)}}
    (table,) = divergence_table(models, ["seen"], "s")
    assert "in s" in table.caption and table.columns == ("diverged", "median", "mean", "first")
    assert table.cells == (("75 %", "2", "2.5", "1.25"), ("0 %", "–", "–", "–"))
    assert "(* best)" not in table.text()


def test_where_nothing_diverged_there_is_no_table():
    assert divergence_table({"padgn": {"seen": total(0.0, None)}}, ["seen"], "s") == []


def test_a_run_that_met_its_time_limit_is_marked():
    model = {"parameters": 12345, "history": 3, "seconds": 1.26, "training": None}
    limited = {**model, "training": {"seconds": 600.4, "epochs": 7, "stopped_by": "max_minutes"}}
    unended = {**model, "training": {"seconds": 1.0, "epochs": 1, "stopped_by": None}}
    table = model_table({"padgn": limited, "persistence": model, "gru": unended})
    assert table.cells[0] == ("12,345", "3", "600", "7", "time limit", "1.3")
    assert table.cells[1] == ("12,345", "3", "–", "–", "–", "1.3") and table.cells[2][4] == "–"
