"""report.html: one file that shows what was trained, how well it forecasts, and how to do it again."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import yaml

from pdgn.evaluation.line_figures import group_label
from pdgn.evaluation.palette import model_label, plain_unit, with_unit
from pdgn.evaluation.tables import Table, shown_groups

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f4f6; color: #22272e; font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; }
main { max-width: 70rem; margin: 0 auto; background: #fff; padding: 2.5rem clamp(1rem, 5vw, 4rem) 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .6rem; padding-top: 1rem; border-top: 1px solid #e2e5e9; }
p, ul { max-width: 46rem; }
.lead { font-size: 1.1rem; color: #4b5563; margin-top: 0; }
.verdict { border-left: 4px solid #0072b2; background: #eef5fa; padding: .8rem 1.1rem; max-width: 46rem; }
.verdict p { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .8rem 0; }
caption { text-align: left; color: #4b5563; padding-bottom: .4rem; }
th, td { padding: .38rem .8rem; text-align: right; white-space: nowrap; }
th[scope=row], thead tr:last-child th:first-child { text-align: left; padding-left: 0; }
th[scope=colgroup] { text-align: center; border-bottom: 1px solid #c3c8cf; }
th.first, td.first { padding-left: 1.8rem; }
thead tr:last-child th { color: #4b5563; font-weight: 500; border-bottom: 2px solid #22272e; }
tbody tr + tr > * { border-top: 1px solid #eceef1; }
tbody th { font-weight: 500; }
tbody tr:first-child th { font-weight: 700; }
td strong { color: #00578a; }
figure { margin: 1.4rem 0 2.2rem; }
.frame { overflow-x: auto; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: #4b5563; font-size: .93rem; margin-top: .5rem; max-width: 46rem; }
pre { background: #f6f7f9; border: 1px solid #e2e5e9; border-radius: 4px; padding: .9rem 1.1rem; overflow-x: auto;
  font: .86rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.4rem; }
dt { color: #4b5563; } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 3rem; color: #6b7280; font-size: .88rem; }
@media (max-width: 44rem) { figure img { max-width: none; width: 42rem; } }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } h1 { font-size: 1.5rem; } }
@media print { body { background: #fff; } main { padding: 0; } }
"""


class Picture(NamedTuple):
    """A figure of the report.

    Args:
        name: file name without ending. png: content of the file. caption: one or two sentences.
        alternative: what it shows, for those who cannot see it.
    """

    name: str
    png: bytes
    caption: str
    alternative: str


def report_html(metrics: Mapping, tables: Sequence[Table], pictures: Sequence[Picture]) -> str:
    """The report; it refers to nothing outside itself.

    Args:
        metrics: what metrics.json holds.
        tables: errors, the main table first.
        pictures: figures in the order in which they are shown.
    """
    title = f"{metrics['name']}: {model_label(metrics['config']['model']['name'])}"
    title += f" on {metrics['data']['name']}" if metrics["data"]["name"] != metrics["name"] else ""
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="lead">{html.escape(_subject(metrics))}</p>',
        _verdict(metrics),
        "<h2>Errors</h2>",
        *(f'<div class="wide" tabindex="0">{table.html()}</div>' for table in tables),
        f"<p>{html.escape(_definitions(metrics))}</p>",
        "<h2>Figures</h2>" if pictures else "",
        *(_figure(picture) for picture in pictures),
        "<h2>Data and model</h2>",
        _facts(metrics),
        "<h2>How to reproduce</h2>",
        f"<pre><code>{html.escape(_commands(metrics))}</code></pre>",
        "<h2>Configuration</h2>",
        f'<pre tabindex="0"><code>{html.escape(yaml.safe_dump(dict(metrics["config"]), sort_keys=False))}</code></pre>',
        f"<footer>{html.escape(_footer(metrics))}</footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def verdicts(metrics: Mapping) -> list[str]:
    """One sentence per group of surfaces: how the model's error compares with each baseline's.

    Args:
        metrics: what metrics.json holds.
    """
    models = metrics["models"]
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


def _compare(error: float, other: float | None, name: str) -> str:
    label = model_label(name).lower()
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
    return (
        f"The models see {metrics['history']} frames and predict {reach} from their own predictions. MAE and RMSE "
        "count every observed value once, in physical units; the relative L2 error is weighted by node masses and "
        "averaged over roll-outs; a roll-out has diverged when its relative L2 error passes "
        f"{metrics['divergence_threshold']:g} or a value is not finite. NaN is never left out of a mean."
    )


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    width = int.from_bytes(picture.png[16:20], "big") * 2 // 3  # a PNG's width; three dots for two pixels look sharp
    return (
        f'<figure id="{html.escape(picture.name)}"><div class="frame" tabindex="0">'
        f'<img alt="{html.escape(picture.alternative)}" width="{width}" src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
    )


def _facts(metrics: Mapping) -> str:
    units = metrics["units"]
    meshes = (
        f"{name} ({mesh['nodes']} nodes; {mesh['train']} trajectories for training, {mesh['test']} for testing)"
        for name, mesh in metrics["meshes"].items()
    )
    models = {model_label(name): model for name, model in metrics["models"].items()}
    epoch = metrics["checkpoint"]["epoch"]
    rows = {
        "Data file": f"{metrics['data']['file']} ({metrics['data']['config_hash'][:12]})",
        "Meshes": "; ".join(meshes),
        "Signal": ", ".join(with_unit(name, unit) for name, unit in units["channels"].items()),
        "Time": f"unit {units['time']}, step {metrics['time_step']:.6g}",
        "Checkpoint": metrics["checkpoint"]["file"] + ("" if epoch is None else f", epoch {epoch}"),
        "Parameters": ", ".join(f"{name} {model['parameters']:,}" for name, model in models.items()),
        "Roll-out time": ", ".join(f"{name} {model['seconds']:.1f} s" for name, model in models.items()),
        "Versions": ", ".join(f"{name} {version}" for name, version in metrics["versions"].items()),
    }
    return "<dl>" + "".join(f"<dt>{key}</dt><dd>{html.escape(value)}</dd>" for key, value in rows.items()) + "</dl>"


def _commands(metrics: Mapping) -> str:
    data, folder = metrics["data"]["file"], str(metrics["checkpoint"]["file"]).rpartition("/")[0] or "."
    return (
        "# the recipe that made the data is stored in the file (attribute 'config')\n"
        f"pdgn generate --config RECIPE.yaml --output {data}\n"
        f"pdgn train --config {folder}/config.yaml\n"
        f"pdgn evaluate --checkpoint {metrics['checkpoint']['file']}"
    )


def _footer(metrics: Mapping) -> str:
    return f"pdgn {metrics['pdgn_version']}, {metrics['created']}, on {metrics['device']}. All numbers: metrics.json."
