"""The equation shown in CONTRIBUTING.md is a whole one: it is found, and every check of equations passes on it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pdgn.simulate import EQUATIONS, find_equations

from . import test_every_equation as checks

CONTRIBUTING = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
GENERIC = [
    check
    for name, check in vars(checks).items()
    if name.startswith("test_") and {"name"} <= set(inspect.signature(check).parameters) <= {"name", "mesh", "rng"}
]


@pytest.fixture
def bistable(tmp_path, monkeypatch):
    code = re.search(r"## An equation.*?```python\n(.*?)```", CONTRIBUTING.read_text(), re.DOTALL).group(1)
    folder = tmp_path / "shown_equations"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bistable.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find_equations("shown_equations")
    assert list(found) == ["bistable"]
    monkeypatch.setitem(EQUATIONS, "bistable", found["bistable"])
    return found["bistable"]


@pytest.mark.parametrize("check", GENERIC, ids=lambda check: check.__name__)
def test_checks_of_every_equation_pass_on_the_example(check, bistable, rng):
    wanted = inspect.signature(check).parameters
    for mesh in [checks.CLOSED, checks.BOUNDED] if "mesh" in wanted else [None]:
        given = {"name": "bistable", "mesh": mesh, "rng": rng}
        try:
            check(**{key: given[key] for key in wanted})
        except pytest.skip.Exception:
            assert check is checks.test_energies_never_rise  # it states none


def test_the_example_meets_its_exact_solution(bistable):
    for problem in bistable.problems():
        checks.test_exact_solutions_are_met_at_the_order_of_the_method("bistable", problem)


def test_the_example_is_about_thirty_lines_beside_its_parameters():
    assert len(GENERIC) >= 10
    code = re.search(r"## An equation.*?```python\n(.*?)```", CONTRIBUTING.read_text(), re.DOTALL).group(1)
    body = code[code.index("    fields = ") :]
    assert sum(bool(line.strip()) for line in body.splitlines()) <= 35
