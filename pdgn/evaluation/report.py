"""report.html: one file that shows what was trained, how well it forecasts, and how to do it again."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

import yaml

from pdgn.evaluation.labels import group_label, inner_label, model_label, plain_unit, with_unit
from pdgn.evaluation.picture import Picture
from pdgn.evaluation.report_style import REPORT_STYLE
from pdgn.evaluation.tables import Table, shown_groups


def report_html(metrics: Mapping, tables: Sequence[Table], pictures: Sequence[Picture]) -> str:
    """The report; it refers to nothing outside itself.

    Args:
        metrics: what metrics.json holds.
        tables: errors, the main table first; that of the models last.
        pictures: figures in the order in which they are shown.
    """
    several = len(metrics["checkpoints"]) > 1
    title = f"{metrics['name']}" + ("" if several else f": {model_label(metrics['config']['model']['name'])}")
    title += f" on {metrics['data']['name']}" if metrics["data"]["name"] != metrics["name"] else ""
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="lead">{html.escape(_subject(metrics))}</p>',
        _verdict(metrics),
        "<h2>Errors</h2>",
        *(f'<div class="wide" tabindex="0">{table.html()}</div>' for table in tables[:-1]),
        f"<p>{html.escape(_definitions(metrics))}</p>",
        "<h2>Figures</h2>" if pictures else "",
        *(_figure(picture) for picture in pictures),
        "<h2>Data and models</h2>",
        f'<div class="wide" tabindex="0">{tables[-1].html()}</div>',
        _facts(metrics),
        "<h2>How to reproduce</h2>",
        f"<pre><code>{html.escape(_commands(metrics))}</code></pre>",
        "<h2>Configuration</h2>",
        _configs(metrics),
        f"<footer>{html.escape(_footer(metrics))}</footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{REPORT_STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def verdicts(metrics: Mapping) -> list[str]:
    """One sentence per group of surfaces: how the model's error compares with each baseline's; of several models,
    which has the smallest, and by how much.

    Args:
        metrics: what metrics.json holds.
    """
    models = metrics["models"]
    if len(metrics["checkpoints"]) > 1:
        return _ranking(metrics)
    name, *baselines = models
    sentences = []
    for group in shown_groups(metrics["groups"]):
        for channel, unit in metrics["units"]["channels"].items():
            error = models[name]["groups"][group]["total"]["mae"][channel]
            if error is None:
                continue
            others = {other: models[other]["groups"][group]["total"]["mae"][channel] for other in baselines}
            compared = [_compare(error, value, other) for other, value in others.items()]
            amount = f"{error:.3g} {plain_unit(unit)}".rstrip()
            tail = f": {', '.join(compared)}" if compared else ""
            sentences.append(f"{group_label(group)}: mean absolute error of {channel} {amount}{tail}.")
    return sentences


def _ranking(metrics: Mapping) -> list[str]:
    """The best and the second of each group and channel, by the error at the end of the roll-outs."""
    sentences = []
    for group in shown_groups(metrics["groups"]):
        for channel in metrics["units"]["channels"]:
            ends = {
                name: model["groups"][group]["total"]["end_relative_l2"][channel]
                for name, model in metrics["models"].items()
            }
            ranked = sorted((end, name) for name, end in ends.items() if end is not None)
            if not ranked:
                continue
            end, best = ranked[0]
            text = f"{group_label(group)}: the smallest error of {channel} at the end of the roll-outs is that of "
            text += f"{inner_label(best)} (relative L2 {end:.3g})"
            if len(ranked) > 1:
                follower = ranked[1]
                times = f", {follower[0] / end:.2g} times that" if end > 0 else ""
                text += f"; the next is {inner_label(follower[1])} ({follower[0]:.3g}{times})"
            sentences.append(f"{text}.")
    return sentences


def _compare(error: float, other: float | None, name: str) -> str:
    label = inner_label(name)
    if other is None or not (error > 0 and other > 0 and max(error, other) < float("inf")):
        return f"not comparable with {label}"
    factor = other / error
    if abs(factor - 1) < 0.005:
        return f"the same as {label}"
    return f"{factor:.2g} times smaller than {label}" if factor >= 1 else f"{1 / factor:.2g} times larger than {label}"


def _verdict(metrics: Mapping) -> str:
    return '<div class="verdict">' + "".join(f"<p>{html.escape(line)}</p>" for line in verdicts(metrics)) + "</div>"


def _subject(metrics: Mapping) -> str:
    meshes = metrics["meshes"]
    trained = [name for name, mesh in meshes.items() if mesh["train"]]
    unseen = [name for name, mesh in meshes.items() if not mesh["train"] and mesh["test"]]
    count = sum(mesh["train"] for mesh in meshes.values())
    text = f"Trained on {count} trajectories on {_listed(trained)}"
    text += f"; tested there on other trajectories and on {_listed(unseen)}, never seen in training." if unseen else "."
    return f"{text} {metrics['data']['description']}".strip()


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{len(names)} meshes"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _definitions(metrics: Mapping) -> str:
    horizon = metrics["horizon"]
    reach = f"{horizon} frames" if horizon else "the whole rest of each test trajectory"
    histories = sorted({model["history"] for model in metrics["models"].values()})
    seen = " or ".join(map(str, histories)) + (" frames that end at the same one" if len(histories) > 1 else " frames")
    threshold = f"{metrics['divergence_threshold']:g}"
    return (
        f"The models see {seen} and predict {reach} from their own predictions. MAE and RMSE count every observed "
        "value once, in physical units, and a NaN is never left out of them; the relative L2 error is weighted by node "
        "masses and averaged over roll-outs, over the whole of each and at its end; a roll-out has diverged when its "
        f"relative L2 error passes {threshold} or a value is not finite, and counts as {threshold} from then on."
    )


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.content).decode()
    return (
        f'<figure id="{html.escape(picture.name)}"><div class="frame" tabindex="0">'
        f'<img alt="{html.escape(picture.alternative)}" width="{picture.width}" '
        f'src="data:image/{picture.kind};base64,{data}"></div>'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
    )


def _facts(metrics: Mapping) -> str:
    units = metrics["units"]
    meshes = (
        f"{name} ({mesh['nodes']} nodes; {mesh['train']} trajectories for training, {mesh['test']} for testing)"
        for name, mesh in metrics["meshes"].items()
    )
    rows = {
        "Data file": f"{metrics['data']['file']} ({metrics['data']['config_hash'][:12]})",
        "Meshes": "; ".join(meshes),
        "Signal": ", ".join(with_unit(name, unit) for name, unit in units["channels"].items()),
        "Time": f"unit {units['time']}, step {metrics['time_step']:.6g}",
        "Checkpoints" if len(metrics["checkpoints"]) > 1 else "Checkpoint": "; ".join(
            checkpoint["file"] + ("" if checkpoint["epoch"] is None else f", epoch {checkpoint['epoch']}")
            for checkpoint in metrics["checkpoints"].values()
        ),
        "Versions": ", ".join(f"{name} {version}" for name, version in metrics["versions"].items()),
    }
    return "<dl>" + "".join(f"<dt>{key}</dt><dd>{html.escape(value)}</dd>" for key, value in rows.items()) + "</dl>"


def _commands(metrics: Mapping) -> str:
    data, files = metrics["data"]["file"], [str(entry["file"]) for entry in metrics["checkpoints"].values()]
    lines = [
        "# the recipe that made the data is stored in the file (attribute 'config')",
        f"pdgn generate --config RECIPE.yaml --output {data}",
        *(f"pdgn train --config {file.rpartition('/')[0] or '.'}/config.yaml" for file in files),
        "pdgn evaluate " + " ".join(f"--checkpoint {file}" for file in files),
    ]
    return "\n".join(lines) + (f" --data {data} --output DIR" if len(files) > 1 else "")


def _configs(metrics: Mapping) -> str:
    """The config; of several checkpoints each behind its name."""
    texts = {
        name: f'<pre tabindex="0"><code>{html.escape(yaml.safe_dump(dict(config), sort_keys=False))}</code></pre>'
        for name, config in metrics.get("configs", {"": metrics["config"]}).items()
    }
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "".join(f"<details><summary>{html.escape(name)}</summary>{text}</details>" for name, text in texts.items())


def _footer(metrics: Mapping) -> str:
    return f"pdgn {metrics['pdgn_version']}, {metrics['created']}, on {metrics['device']}. All numbers: metrics.json."
