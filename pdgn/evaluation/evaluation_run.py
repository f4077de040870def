"""Rolls models and their baselines out on test trajectories and writes what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pdgn.data import open_file
from pdgn.data.disk import write_bytes
from pdgn.evaluation.contestants import Contestant, load_contestants
from pdgn.evaluation.mesh_groups import mesh_groups
from pdgn.evaluation.metrics_file import read_metrics_file, write_metrics
from pdgn.evaluation.model_tables import divergence_table, model_table
from pdgn.evaluation.pictures import draw_pictures
from pdgn.evaluation.report import report_html
from pdgn.evaluation.roll_outs import RollOuts, roll_out
from pdgn.evaluation.rollout_windows import RolloutWindows, WindowViews
from pdgn.evaluation.scores import summarise
from pdgn.evaluation.spectra import Spectra, described_lines, spectral_steps
from pdgn.evaluation.spectrum import SpectralBasis
from pdgn.evaluation.surroundings import surroundings
from pdgn.evaluation.tables import Table, error_table, group_scores, shown_groups
from pdgn.evaluation.training_facts import training_facts
from pdgn.training.device import choose_device
from pdgn.training.forecaster import Forecaster

TABLED_MESHES = 8  # more would not fit a page; metrics.json has all


class Evaluation(NamedTuple):
    """What an evaluation found.

    Args:
        metrics: what metrics.json holds.
        tables: errors by seen and unseen surfaces, one table per channel, then by mesh; then how long roll-outs lasted
            where some diverged; then the models themselves.
        report: path of report.html.
        printed: those of the tables that say most: errors by group, and divergence.
    """

    metrics: dict[str, Any]
    tables: list[Table]
    report: Path
    printed: list[Table]


def evaluate(
    checkpoint: str | Path | Sequence[str | Path],
    data: str | Path | None = None,
    *,
    output: str | Path | None = None,
    device: str = "auto",
    progress: bool | None = None,
    overwrite: bool = False,
) -> Evaluation:
    """Rolls models and the baselines of their configs out over the test trajectories; writes metrics, figures, report.

    Every model predicts the same frames through the same code: where histories differ, the longest decides where
    windows start, and each model observes its own last frames. metrics.json, report.html and figures/* are each
    written whole or not at all.

    Args:
        checkpoint: best.ckpt or last.ckpt of a run, or of several; horizon, stride and threshold of the evaluation
            are those of the first one's config.
        data: dataset file; by default the one of the (first) config.
        output: folder for the results; by default that of the checkpoint, needed for several.
        device: "auto", "cpu" or "cuda".
        progress: show a progress bar; by default where standard error is a terminal.
        overwrite: replace an evaluation on other data or of other checkpoints; any other is always replaced.

    Raises:
        FileNotFoundError: a checkpoint, the data or a trained baseline is missing.
        ValueError: the data does not fit the models, these do not fit each other, or several without an output.
        FileExistsError: the folder holds an evaluation on other data or of other checkpoints.
        OSError: the output cannot be written.
    """
    contestants = load_contestants(checkpoint)
    given = [contestant for contestant in contestants.values() if not contestant.baseline]
    if output is None and len(given) > 1:
        raise ValueError(f"--output: wanted a folder for the comparison of {len(given)} checkpoints, given none")
    config = given[0].forecaster.config
    path = str(data if data is not None else config.data.file)
    folder = Path(output if output is not None else given[0].checkpoint.parent)  # type: ignore[union-attr]
    place, settings = choose_device(device), config.evaluation
    used = [contestant.forecaster.config.data for contestant in contestants.values()]
    with WindowViews(path, used, settings.horizon, settings.stride) as views:
        windows = views.of(config.data)
        _require_units(windows, given[0].forecaster, path)
        if not overwrite:
            _refuse_other(
                folder / "metrics.json", path, [name for name in contestants if not contestants[name].baseline]
            )
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        groups = mesh_groups(windows.dataset, [settings.file for settings in used])
        metrics = surroundings(contestants, path, windows, place) | {"groups": groups}
        bases, steps = _spectral_bases(windows, groups, settings.modes)
        truth = Spectra(bases, steps)
        done: dict[str, RollOuts] = {}
        metrics["models"] = {}
        for name, contestant in contestants.items():
            spectra = Spectra(bases, steps)
            done[name] = roll_out(
                contestant.forecaster.to(place), views.of(contestant.forecaster.config.data),
                threshold=settings.divergence_threshold, name=name, spectra=spectra,
                truth_spectra=None if done else truth, progress=progress,
            )  # fmt: skip
            metrics["models"][name] = _model_metrics(contestant, done[name], spectra, groups, windows)
        metrics["spectra"] = _truth_spectra(truth, windows)
        write_metrics(folder / "metrics.json", metrics)
        errors, meshes, diverged, models = _tables(metrics)
        tables = [*errors, *meshes, *diverged, models]
        scores = {name: outs.scores for name, outs in done.items()}
        pictures = draw_pictures(metrics, views, contestants, scores) if settings.figures else []
    for picture in pictures:
        write_bytes(folder / "figures" / picture.file, picture.content)
    report = folder / "report.html"
    write_bytes(report, report_html(metrics, tables, pictures).encode())
    return Evaluation(metrics, tables, report, [*errors, *diverged])


def _model_metrics(
    contestant: Contestant,
    outs: RollOuts,
    spectra: Spectra,
    groups: Mapping[str, Sequence[str]],
    windows: RolloutWindows,
) -> dict[str, Any]:
    """What metrics.json says about one model."""
    forecaster, channels = contestant.forecaster, windows.dataset.channel_names
    model = dict(forecaster.description.model)
    run = None if contestant.checkpoint is None else contestant.checkpoint.parent
    return {
        "model": model.pop("name"),
        "baseline": contestant.baseline,
        "history": contestant.history,
        "parameters": sum(parameter.numel() for parameter in forecaster.model.parameters()),
        "options": model,
        "training": None if run is None else training_facts(run, forecaster.config.training),
        "seconds": outs.seconds,
        "groups": {
            group: summarise([score for score in outs.scores if score.mesh in meshes], channels)
            for group, meshes in groups.items()
        },
        "spectra": spectra.described(channels),
    }


def _spectral_bases(
    windows: RolloutWindows, groups: Mapping[str, Sequence[str]], modes: int
) -> tuple[dict[str, SpectralBasis], dict[str, list[int]]]:
    """The bases of the mesh with the most windows in each shown group, and the steps to look at there."""
    bases, steps = {}, {}
    for group in shown_groups(groups) if modes else ():
        lengths = {mesh: [w.steps for w in windows.windows if w.key.mesh == mesh] for mesh in groups[group]}
        mesh = max(lengths, key=lambda name: len(lengths[name]))
        basis = SpectralBasis.of(windows.dataset.record(mesh), modes)
        if basis is not None:
            bases[mesh], steps[mesh] = basis, spectral_steps(max(lengths[mesh]))
    return bases, steps


def _truth_spectra(truth: Spectra, windows: RolloutWindows) -> dict[str, Any]:
    """The spectra of the truth, with what those of the models share: eigenvalues, and times since the last frame."""
    found = truth.described(windows.dataset.channel_names)
    for mesh, entry in found.items():
        longest = max((w for w in windows.windows if w.key.mesh == mesh), key=lambda window: window.steps)
        entry |= described_lines(truth.bases[mesh])
        entry["time"] = windows.time(longest)[truth.steps[mesh]].tolist()
    return found


def _require_units(windows: RolloutWindows, forecaster: Forecaster, path: str) -> None:
    for field in forecaster.description.fields:
        given = windows.dataset.unit.get(field.name)
        if given is None:
            there = ", ".join(windows.dataset.unit)
            raise ValueError(f"{path}: wanted the field '{field.name}' that the model predicts, given {there}")
        if given != field.unit:
            raise ValueError(f"{path}: field '{field.name}': wanted [{field.unit}] as in training, given [{given}]")
    wanted, dataset = forecaster.description, windows.dataset
    unit = dataset.time_axis.unit
    if unit != wanted.time_unit or not math.isclose(dataset.dt, wanted.dt, rel_tol=1e-6):  # times are often rounded
        raise ValueError(
            f"{path}: time step: wanted {wanted.dt:g} {wanted.time_unit} as in training, given {dataset.dt:g} {unit}"
        )


def _refuse_other(earlier: Path, path: str, names: Sequence[str]) -> None:
    """An evaluation on other data, or of other checkpoints, would be lost."""
    if not earlier.is_file():
        return
    try:
        other = read_metrics_file(earlier)
        data, held = other["data"], list(other.get("checkpoints", names))
    except (ValueError, KeyError):  # of another schema, or damaged
        return
    with open_file(path) as file:
        same = file.attributes["config_hash"] == data["config_hash"]
    if not same or set(held) != set(names):
        what = f"on {data['file']}" if not same else f"of {', '.join(held)}"
        raise FileExistsError(f"{earlier}: holds an evaluation {what}; give another --output, or --overwrite")


def _tables(metrics: Mapping[str, Any]) -> tuple[list[Table], list[Table], list[Table], Table]:
    """One table per channel of seen and unseen surfaces, one per channel of every mesh, divergence, the models."""
    meshes = [group for group in metrics["groups"] if group.startswith("mesh:")]
    units, scores = metrics["units"]["channels"].items(), group_scores(metrics)
    shown = shown_groups(metrics["groups"])
    errors = [error_table(scores, shown, channel, unit) for channel, unit in units]
    columns = ("mae", "capped_relative_l2", "end_relative_l2")
    several = units if 1 < len(meshes) <= TABLED_MESHES else ()
    by_mesh = [error_table(scores, meshes, channel, unit, columns) for channel, unit in several]
    diverged = divergence_table(scores, shown, metrics["units"]["time"])
    return errors, by_mesh, diverged, model_table(metrics["models"])
