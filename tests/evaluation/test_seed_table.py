"""The table over seeds: means and deviations computed by hand, and which files belong together."""

from __future__ import annotations

import copy
import math

import pytest

from pdgn.evaluation.metrics_file import write_metrics
from pdgn.evaluation.seed_table import mean_of_first, read_seeds, seed_tables, spread


def scores(mae, course=(1.0, 2.0, 6.0), *, drift=None, diverged=0.0, time=None):
    """Scores of one model on one group; everything but the MAE follows from it."""
    errors = {"mae": {"u": mae}, "rmse": {"u": 2 * mae}, "relative_l2": {"u": 0.5 * mae}, "drift": {"u": drift}}
    errors |= {"capped_relative_l2": {"u": 0.5 * mae}, "end_relative_l2": {"u": 3 * mae}}
    times = None if time is None else {"mean": 2 * time, "median": time, "min": 0.5 * time}
    return {
        "trajectories": 2, "windows": 4, "time": [0.5, 1.0, 1.5],
        "total": {**errors, "diverged": diverged, "time_to_divergence": times},
        "per_step": {"mae": {"u": list(course)}},
    }  # fmt: skip


def metrics(seed, mae=1.0, course=(1.0, 2.0, 6.0), *, kinds=("seen", "unseen"), drift=None, diverged=0.0, time=None):
    """What metrics.json of one seed holds: a model that depends on the seed, and persistence, which does not."""
    groups = {**{kind: [kind] for kind in kinds}, "all": list(kinds), **{f"mesh:{kind}": [kind] for kind in kinds}}
    model = {group: scores(mae, course, drift=drift, diverged=diverged, time=time) for group in groups}
    fixed = {group: scores(0.1, (0.1, 0.2, None), drift=drift) for group in groups}
    return {
        "name": f"run{seed}", "created": f"day {seed}", "pdgn_version": "1", "device": f"machine {seed}",
        "checkpoint": {"file": f"{seed}/best.ckpt", "epoch": 3 + seed},
        "data": {"file": f"{seed}.h5", "name": "d", "description": "", "config_hash": "abc"},
        "config": {
            "name": f"run{seed}", "seed": seed, "output": f"runs{seed}", "data": {"file": f"{seed}.h5", "history": 2},
            "model": {"name": "padgn", "num_hops": 1},
        },
        "evaluation": {}, "history": 2, "horizon": None, "divergence_threshold": 10.0, "time_step": 0.5,
        "units": {"channels": {"u": "kg/m^2"}, "time": "h", "length": "m"}, "meshes": {kind: {} for kind in kinds},
        "groups": groups,
        "models": {
            "padgn": {"parameters": 7, "options": {}, "seconds": 1.0 + seed, "groups": model},
            "persistence": {"parameters": 0, "options": {}, "seconds": 0.1 * seed, "groups": fixed},
        },
    }  # fmt: skip


def written(folder, *runs):
    paths = [folder / f"{index}.json" for index in range(len(runs))]
    for path, run in zip(paths, runs):
        write_metrics(path, run)
    return paths


def test_mean_and_sample_standard_deviation_by_hand():
    # Mean 7/3; squared differences 16/9, 1/9, 25/9 add up to 42/9, half of which is 7/3.
    mean, std = spread([1.0, 2.0, 4.0])
    assert mean == pytest.approx(7 / 3, rel=1e-15)  # rounding of one division
    assert std == pytest.approx(math.sqrt(7 / 3), rel=1e-15)
    assert spread([1.0, 2.0]).std == pytest.approx(math.sqrt(0.5), rel=1e-15)


def test_equal_numbers_have_no_deviation_at_all():
    assert spread([0.1, 0.1, 0.1]) == (0.1, 0.0)  # their plain mean is 0.10000000000000002


def test_what_is_not_finite_stays_so():
    assert spread([None, None]) is None
    assert all(map(math.isnan, spread([1.0, math.nan, 2.0])))
    assert all(map(math.isnan, spread([1.0, None])))
    mean, std = spread([1.0, math.inf])
    assert mean == math.inf and math.isnan(std)
    assert spread([1e300, 3e300]).std == pytest.approx(math.sqrt(2) * 1e300, rel=1e-12)  # no square overflows
    texts = [value.text() for value in (spread([math.nan, 1.0]), spread([math.inf, 1.0]), spread([3.0]))]
    assert texts == ["NaN", "inf", "3 ± –"]


def test_mean_of_the_first_steps():
    course = [1.0, None, 4.0, math.nan]
    assert [mean_of_first(course, steps) for steps in (1, 2, 3)] == [1.0, 1.0, 2.5]
    assert math.isnan(mean_of_first(course, 4))
    assert mean_of_first([None], 1) is None and mean_of_first(course, 5) is None


def test_errors_over_three_seeds():
    runs = [metrics(seed, mae, diverged=fraction) for seed, mae, fraction in ((0, 1, 0.0), (1, 2, 0.5), (5, 4, 0.25))]
    table = seed_tables(runs)[0]
    assert table.columns == (
        "MAE [kg/m²]", "RMSE [kg/m²]", "rel. L2 [1]", "end rel. L2 [1]", "diverged [%]",
    )  # fmt: skip
    assert table.groups == ("u",)
    assert table.names[:3] == ("Seen surfaces: PA-DGN", "Seen surfaces: Persistence", "Unseen surfaces: PA-DGN")
    assert table.names[4:] == tuple(f"{mesh}: {m}" for mesh in ("seen", "unseen") for m in ("PA-DGN", "Persistence"))
    assert table.cells[0] == ("2.33 ± 1.5", "4.67 ± 3.1", "1.17 ± 0.76", "7 ± 4.6", "25 ± 25")
    assert table.cells[1] == ("0.1 ± 0", "0.2 ± 0", "0.05 ± 0", "0.3 ± 0", "0 ± 0")
    assert table.best == {(row, column) for row in (1, 3, 5, 7) for column in range(4)}
    assert "over 3 seeds (0, 1, 5)" in table.caption and "0.1 ± 0*" in table.text()


def test_times_to_divergence_are_those_of_the_seeds_that_diverged():
    runs = [metrics(0, diverged=0.5, time=2.0), metrics(1, diverged=0.25, time=3.0), metrics(2)]
    table = seed_tables(runs)[0]
    assert table.columns[-1] == "median time to divergence [h]" and "in which something diverged" in table.caption
    assert table.cells[0][-2:] == ("25 ± 25", "2.5 ± 0.71")  # sqrt(1/2); the third seed has no time and makes no NaN
    assert table.cells[1][-2:] == ("0 ± 0", "–")


def test_files_of_earlier_versions_are_read():
    runs = [metrics(0, 1.0), metrics(1, 2.0)]
    for run in runs:
        for model in run["models"].values():
            for group in model["groups"].values():
                for key in ("capped_relative_l2", "end_relative_l2"):
                    del group["total"][key]
                group["total"]["time_to_divergence"] = {"mean": 1.0, "min": 0.5}
    table = seed_tables(runs)[0]
    assert table.columns == ("MAE [kg/m²]", "RMSE [kg/m²]", "rel. L2 [1]", "diverged [%]")
    assert table.cells[0] == ("1.5 ± 0.71", "3 ± 1.4", "0.75 ± 0.35", "0 ± 0")


def test_mae_at_steps_and_over_the_first_steps():
    runs = [metrics(0, course=(1.0, 2.0, 6.0)), metrics(1, course=(3.0, 2.0, math.nan))]
    table = seed_tables(runs, [1, 2, 3])[1]
    assert table.groups == ("MAE [kg/m²] at step", "MAE [kg/m²] mean of steps up to")
    assert table.columns == ("1 (t = 0.5 h)", "2 (t = 1 h)", "3 (t = 1.5 h)")
    # Mean of the first two steps: 1.5 and 2.5, so 2 ± sqrt(1/2).
    assert table.cells[0] == ("2 ± 1.4", "2 ± 0", "NaN", "2 ± 1.4", "2 ± 0.71", "NaN")
    assert table.cells[1] == ("0.1 ± 0", "0.2 ± 0", "–", "0.1 ± 0", "0.15 ± 0", "0.15 ± 0")
    assert seed_tables(runs)[1].columns == ("1 (t = 0.5 h)", "3 (t = 1.5 h)")


@pytest.mark.parametrize("step", [0, 4, -1])
def test_a_step_that_there_is_not(step):
    with pytest.raises(ValueError, match=f"^steps: wanted numbers from 1 to 3, given {step}$"):
        seed_tables([metrics(0)], [1, step])


def test_drift_has_a_column_where_it_is_known_and_one_kind_of_surface_has_no_groups():
    table = seed_tables([metrics(0, drift=0.25, kinds=("seen",)), metrics(1, drift=0.75, kinds=("seen",))])[0]
    assert table.columns[-1] == "drift [1]" and table.cells[0][-1] == "0.5 ± 0.35"  # sqrt(1/8)
    assert table.names == ("All test trajectories: PA-DGN", "All test trajectories: Persistence")


def test_a_nan_is_never_the_best():
    table = seed_tables([metrics(0, math.nan), metrics(1, 0.01)])[0]
    assert table.cells[0][:4] == ("NaN", "NaN", "NaN", "NaN")
    assert {row for row, _ in table.best} == {1, 3, 5, 7}


def test_files_may_differ_in_seed_names_places_and_circumstances(tmp_path):
    runs = read_seeds(written(tmp_path, metrics(4), metrics(0), metrics(2)))
    assert [run["config"]["seed"] for run in runs] == [0, 2, 4]


def changed(*keys, value, seed=1):
    run = copy.deepcopy(metrics(seed))
    place = run
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return run


@pytest.mark.parametrize(
    "other, message",
    [
        (changed("config", "model", "name", value="sum"), "given config.model.name = 'sum' instead of 'padgn'$"),
        (changed("config", "data", "history", value=3), "given config.data.history = 3 instead of 2$"),
        (changed("data", "config_hash", value="f" * 99), "given data.config_hash = 'f{69}… instead of 'abc'$"),
        (
            changed("models", "padgn", "groups", "all", "windows", value=5),
            r"models.padgn.groups.all.windows = 5 instead",
        ),
        (changed("models", "extra", value=metrics(1)["models"]["padgn"]), "given models.extra = {.*… instead of None$"),
        (changed("pdgn_version", value="2"), "given pdgn_version = '2' instead of '1'$"),
        (metrics(0), "1.json: wanted each seed once, given seed 0 as in .*0.json$"),
        (
            {**metrics(1), "checkpoints": {"a": {"seed": 1}, "b": {"seed": 2}}},
            "1.json: wanted metrics.json of one seed, given a comparison of seeds 1, 2$",
        ),
        ({"name": "x"}, "1.json: wanted metrics.json as 'pdgn evaluate' writes it, given one without config$"),
        (changed("config", value={}), "given one without config.seed$"),
    ],
)
def test_files_that_do_not_belong_together(tmp_path, other, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_seeds(written(tmp_path, metrics(0), other))
    assert "\n" not in str(raised.value) and str(tmp_path / "1.json") in str(raised.value)


def test_no_file_at_all():
    with pytest.raises(ValueError, match="wanted the metrics.json of at least one seed, given none"):
        read_seeds([])
