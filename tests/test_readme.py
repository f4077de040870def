"""What the README shows is what there is."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pdgn.cli.main import COMMANDS
from pdgn.mesh import icosphere, write_mesh

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
SCRIPTS = {"datasets/generate.py": "generate", "train.py": "train", "evaluate.py": "evaluate"}


def shown_commands() -> list[tuple[str, str]]:
    """(command, its words) of every indented line that calls pdgn or one of the scripts."""
    found = []
    for line in README.splitlines():
        words = line.split("#")[0].split()
        if line.startswith("    pdgn "):
            found.append((words[1], " ".join(words[2:])))
        elif line.startswith("    python "):
            found.append((SCRIPTS[words[1]], " ".join(words[2:])))
    return found


@cache
def help_of(command: str) -> str:
    """What `pdgn COMMAND --help` prints."""
    return importlib.import_module(f"pdgn.cli.{command}").build_parser().format_help()


@pytest.mark.parametrize("command, words", shown_commands())
def test_every_option_of_a_shown_command_exists(command: str, words: str) -> None:
    assert command in COMMANDS
    for option in re.findall(r"--[\w.]+", words):
        assert re.search(rf"{re.escape(option)}\b", help_of(command)), option


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([\w%-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    shown = set(re.findall(r"(?:^    |`)make ([\w-]+)", README, flags=re.MULTILINE))
    assert shown
    assert {re.sub(r"^seeds-.*", "seeds-%", target) for target in shown} <= targets


def test_the_layer_in_the_readme_is_the_example() -> None:
    block = next(block for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if "GraphSAGE" in block)
    example = (ROOT / "examples" / "sdl_in_a_pyg_model.py").read_text()
    assert block.strip() in example
    assert len(example.splitlines()) < 50


def test_the_simulation_that_is_shown_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(
        block for block in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if "GrayScott(" in block
    )
    mesh = icosphere(2)
    write_mesh(mesh, tmp_path / "mine.obj")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(block, names)
    assert {name: values.shape for name, values in names["trajectory"].fields.items()} == {
        "u": (101, mesh.num_vertices, 16), "v": (101, mesh.num_vertices, 16)
    }  # fmt: skip
    radius = np.linalg.norm(names["moved"].fields["pos"], axis=2).mean(axis=1)
    exact = np.sqrt(1 - 4 * names["moved"].time)
    assert np.abs(radius - exact).max() < 0.01  # the coarse sphere is 162 vertices


def test_every_shown_import_works() -> None:
    names = re.findall(r"^from (pdgn[\w.]*) import ([^#\n]+)", README, flags=re.MULTILINE)
    assert len(names) > 8
    for module, imported in names:
        for name in imported.split(","):
            assert hasattr(importlib.import_module(module), name.strip()), f"{module}.{name.strip()}"


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures and all((ROOT / picture).is_file() for picture in pictures)
