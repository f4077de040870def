"""The direction of imports: a folder may import only what stands to its left (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "pdgn"
FIRST = ["mesh", "operators", "geodesics"]
ALLOWED = {
    "version": set(),
    "__main__": {"cli"},
    "mesh": set(),
    "operators": {"mesh"},
    "geodesics": {"mesh", "operators"},
    "simulate": set(FIRST),
    "data": {*FIRST, "version"},
    "nn": set(),
    "models": {"nn"},
    "rollout": {"models", "nn"},
    "training": {*FIRST, "simulate", "data", "nn", "models", "rollout", "version"},
    "evaluation": {*FIRST, "simulate", "data", "nn", "models", "rollout", "training", "version"},
    "prediction": {*FIRST, "data", "models", "rollout", "training", "version"},
    "cli": {*FIRST, "simulate", "data", "nn", "models", "rollout", "training", "evaluation", "prediction", "version"},
    "__init__": {"version", "prediction"},
}
THIRD_PARTY_IN_NN = {"torch", "torch_geometric"}


def imported_modules(path: Path) -> set[str]:
    """Every absolute module name that a file imports, at the top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def folder_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_left(path: Path) -> None:
    own = folder_of(path)
    assert own in ALLOWED, f"pdgn/{own} is not in the plan of the package"
    used = {name.split(".")[1] for name in imported_modules(path) if name.startswith("pdgn.")}
    used = {name for name in used if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}
    assert used - {own} <= ALLOWED[own], f"pdgn/{own} may import {sorted(ALLOWED[own])}, not {sorted(used - {own})}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "nn").glob("*.py")), ids=lambda p: p.name)
def test_layers_need_torch_and_pyg_alone(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported_modules(path)} - {"pdgn", "__future__", ""}
    assert roots - set(sys.stdlib_module_names) <= THIRD_PARTY_IN_NN
