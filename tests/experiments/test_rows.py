"""The matrix: its size, its order, and that every row of it can be run."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest

from experiments.commands import Budget, commands, settings
from experiments.dataset import ROOT, dataset, real_dataset
from experiments.rows import (
    ABLATED,
    ABLATIONS,
    CAPS,
    EQUATIONS,
    LONGER,
    MOST_CORE_ROWS,
    OTHER_GRAPHS,
    Row,
    all_rows,
    chosen_rows,
    core_rows,
    extra_rows,
    problem_of,
)
from experiments.tables import sections
from pdgn.cli.generate import build_parser as generate_parser
from pdgn.cli.generate import recipe_of
from pdgn.cli.train import build_parser, config_of
from pdgn.models import Channels, build_model
from pdgn.training import RunConfig
from pdgn.training.parts import resolve

# Widths of the context features that configs name.
WIDTHS = {"geodesic_difference": 4, "pos": 3, "velocity": 3, "vector": 3, "reference": 2, "hour_of_day": 2}
KINDS = {(row.experiment, row.model): row for row in all_rows() if row.experiment != "directional"}


@cache
def config_of_row(row: Row) -> RunConfig:
    return resolve(config_of(build_parser().parse_args(list(commands(row).train[1:]))))


def test_the_core_matrix_is_small_and_comes_first() -> None:
    core, rows = core_rows(), all_rows()
    assert len(core) <= MOST_CORE_ROWS and rows[: len(core)] == core and all(row.core for row in core)
    assert not any(row.core for row in extra_rows())
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)


def test_the_core_has_the_seeds_that_the_claims_need() -> None:
    seeds: dict[tuple[str, str], set[int]] = {}
    for row in core_rows():
        seeds.setdefault((row.experiment, row.model), set()).add(row.seed)
    assert {len(own) for (name, _), own in seeds.items() if name == "directional"} == {5}
    untrained = {"persistence", "local_linear", "local_linear_direct"}  # nothing to draw, as in ours on stations
    drawn = {key for key in seeds if key[0] != "directional" and key[1] not in untrained} - {("stations", "ours")}
    assert {len(seeds[key]) for key in drawn} == {3}
    assert {name for name, model in seeds if model == "ours"} == {name for name, _ in seeds}  # ours is everywhere


def test_rows_are_chosen_by_patterns() -> None:
    assert {row.model for row in chosen_rows(["heat/fen"])} == {"fen"} and len(chosen_rows(["heat/fen"])) == 3
    assert [row.name for row in chosen_rows(["stations/gru-1"])] == ["stations/gru-1"]
    assert {row.experiment for row in chosen_rows(["plane_*"])} == {
        "plane_250", "plane_100", "plane_150", "plane_delaunay"
    }  # fmt: skip
    assert len(chosen_rows([])) == len(all_rows())
    with pytest.raises(ValueError, match=r"--only: wanted EXPERIMENT.* given 'heat/gnu'"):
        chosen_rows(["heat/gru", "heat/gnu"])


def test_every_experiment_has_a_table_and_the_other_way_round() -> None:
    assert {row.experiment for row in all_rows()} == {section.experiment for section in sections()}


@pytest.mark.parametrize("row", KINDS.values(), ids=lambda row: f"{row.experiment}/{row.model}")
def test_every_row_has_a_config_and_a_model(row: Row) -> None:
    config = config_of_row(row)
    assert (config.seed, config.name) == (row.seed, f"{row.model}-{row.seed}")
    assert config.training.max_core_minutes == CAPS.get(row.experiment, 10) and config.training.patience == 16
    assert config.data.file == str(dataset(problem_of(row.experiment, row.model), row.seed).file)
    signal = 2 if row.experiment in ("wave", "fitzhugh_nagumo", "gray_scott") else 1
    widths = [
        sum(WIDTHS.get(name, 1) for name in names)
        for names in (config.data.node_context, config.data.edge_context, config.data.forcing)
    ]
    options = dict(config.model)
    model = build_model(options.pop("name"), Channels(signal, *widths), **options)
    assert model.channels.signal == signal


@pytest.mark.parametrize("experiment", sorted({name for name, _ in KINDS}))
def test_all_models_of_an_experiment_see_the_same_data_for_the_same_time(experiment: str) -> None:
    configs = [config_of_row(row) for (name, _), row in KINDS.items() if name == experiment]
    for values in (
        {config.data.history for config in configs},
        {config.data.file for config in configs if config.name.rpartition("-")[0] not in OTHER_GRAPHS},
        {config.data.valid_horizon or config.data.horizon for config in configs},  # what is validated
        {(config.evaluation.horizon, config.evaluation.stride) for config in configs},
        {(config.training.max_core_minutes, config.training.patience, config.training.epochs) for config in configs},
    ):
        assert len(values) == 1, values


@pytest.mark.parametrize("experiment", EQUATIONS)
def test_roll_outs_on_surfaces_are_ten_times_the_training_horizon(experiment: str) -> None:
    config = config_of_row(Row(experiment, "ours", 0, True)).data
    recipe = recipe_of(generate_parser().parse_args(list(dataset(experiment, 0).words[1:])))
    # Of models that are trained on single steps, the horizon of validation is meant.
    assert recipe.trajectories.frames - config.history == 10 * (config.valid_horizon or config.horizon)
    roles = {mesh.role for mesh in recipe.meshes}
    assert roles == {"train", "test"} and recipe.meshes[0].variants == ["coarser", "finer", "retriangulated"]


def test_seeds_draw_the_sensors_of_the_plane_and_nothing_else() -> None:
    recipes = [
        recipe_of(generate_parser().parse_args(list(dataset("plane_delaunay", seed).words[1:]))) for seed in (0, 1)
    ]
    assert [recipe.sensors.seed for recipe in recipes] == [0, 1] and recipes[0].seed == recipes[1].seed
    assert recipes[0].sensors.graph == "delaunay" and recipes[0].sensors.count == 250
    assert dataset("stations", 0) == dataset("stations", 1)


def test_another_graph_has_the_same_surfaces_and_trajectories() -> None:
    mesh, graph = (
        recipe_of(generate_parser().parse_args(list(dataset(name, 0).words[1:])))
        for name in ("convection_diffusion", "convection_diffusion_knn")
    )
    for part in ("seed", "equation", "initial", "trajectories"):
        assert getattr(mesh, part) == getattr(graph, part), part
    assert [replace(entry, variants=[]) for entry in mesh.meshes] == graph.meshes
    assert graph.sensors.graph == "geodesic_knn" and not graph.sensors.degraded


def test_real_meshes_are_for_test_alone() -> None:
    made = real_dataset("heat")
    words = list(made.words[1:])
    assert words[words.index("--trajectories.train") + 1] == "0" == words[words.index("--trajectories.valid") + 1]
    assert {path.name for path in made.needs} == {"spot.obj", "homer.obj"}


def test_a_budget_is_part_of_the_command() -> None:
    row = Row("heat", "fen", 0, True)
    plain, longer = commands(row), commands(row, Budget(minutes=30, device="gpu"))
    config = config_of(build_parser().parse_args(list(longer.train[1:])))
    assert (config.training.max_core_minutes, config.training.accelerator) == (30, "gpu")
    assert plain.folder == longer.folder and "--device" in longer.evaluations[0].words
    assert len(plain.evaluations) == 2 and "data/experiments/heat_real.h5" in plain.lines()[2]


def test_ablations_change_one_thing() -> None:
    for experiment, problem in ABLATIONS.items():
        for row in chosen_rows([experiment]):
            # Sensors have no faces, so that their graph is compared with what is told no more than they are.
            ours = settings(problem, "padgn_projected" if row.model == "padgn_knn" else ABLATED[experiment])
            changed = settings(problem_of(experiment, row.model), row.model)
            keys = {key for key in ours.keys() | changed.keys() if ours.get(key) != changed.get(key)}
            keys |= {"data.file"} if row.model in OTHER_GRAPHS else set()
            assert (
                (row.model != ABLATED[experiment]) <= len({key for key in keys if key != "data.valid_horizon"}) <= 2
            ), (row, keys)


def test_an_ablated_context_has_more_or_less_than_the_base_and_nothing_else() -> None:
    instead = {"ours_vertex_flow", "ours_projection"}  # the flow in another form
    for experiment, problem in ABLATIONS.items():
        base = config_of_row(
            Row(problem if experiment == "ablation_surface" else experiment, ABLATED[experiment], 0, False)
        )
        for model in {row.model for row in chosen_rows([experiment])} - instead - set(OTHER_GRAPHS):
            changed = config_of_row(Row(experiment, model, 0, False))
            for name in ("node_context", "edge_context"):
                one, other = set(getattr(base.data, name)), set(getattr(changed.data, name))
                assert one <= other or other <= one, (experiment, model, one ^ other)


def test_longer_rows_differ_from_the_short_ones_by_their_cap_alone() -> None:
    for experiment, problem in LONGER.items():
        for row in chosen_rows([experiment]):
            longer, short = config_of_row(row), config_of_row(row._replace(experiment=problem))
            assert longer.training.max_core_minutes == 6 * short.training.max_core_minutes
            training = replace(longer.training, max_core_minutes=short.training.max_core_minutes)
            assert replace(longer, training=training, output=short.output) == short
            assert len(commands(row).evaluations) == 2


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ValueError, match=r"experiments/models.yaml: wanted one of persistence, .*, given 'oars'"):
        settings("heat", "oars")


def test_the_published_model_has_the_published_size() -> None:
    row = Row("plane_250", "padgn_published_sum", 0, True)
    options = dict(config_of_row(row).model)
    model = build_model(options.pop("name"), Channels(1, 2), **options)  # two coordinates, as published
    assert sum(parameter.numel() for parameter in model.parameters()) == 60_038


def test_recipes_are_where_commands_look_for_them() -> None:
    for experiment in {problem_of(row.experiment, row.model) for row in all_rows()} - {"directional"}:
        words = dataset(experiment, 0).words
        assert (ROOT / words[words.index("--config") + 1]).is_file()
    with pytest.raises(KeyError):
        dataset("nowhere", 0)


def test_a_list_that_is_cut_short_ends_without_a_word() -> None:
    command = f"{sys.executable} -m experiments --list | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1 and done.returncode in (0, 128 + signal.SIGPIPE)
