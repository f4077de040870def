"""The equations by name: whatever class in this folder says what it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

from pdgn.simulate.equation import Equation


def find_equations(package: str) -> dict[str, type[Equation]]:
    """Every equation of a package of modules, sorted by name.

    Args:
        package: dotted name of an importable package.

    Returns:
        Name → class. The name is the class's in snake case: ConvectionDiffusion is "convection_diffusion".

    Raises:
        ImportError: a module cannot be imported.
    """
    found = {}
    folder = importlib.import_module(package)
    for module in pkgutil.iter_modules(folder.__path__, f"{package}."):
        for kind in vars(importlib.import_module(module.name)).values():
            own = inspect.isclass(kind) and issubclass(kind, Equation) and kind.__module__ == module.name
            if own and not inspect.isabstract(kind):
                found[equation_name(kind)] = kind
    return dict(sorted(found.items()))


def equation_name(kind: type[Equation]) -> str:
    """The name under which a class is registered: its own in snake case (FisherKPP is "fisher_kpp")."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", kind.__name__)
    return "_".join(words).lower()


EQUATIONS: dict[str, type[Equation]] = find_equations("pdgn.simulate.equations")
