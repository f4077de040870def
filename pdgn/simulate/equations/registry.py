"""The equations by name: whatever class in this folder says what it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from pdgn.simulate.equation import Equation


def find_equations(package: str) -> dict[str, type[Equation]]:
    """Every equation of a package of modules, sorted by name.

    Args:
        package: dotted name of an importable package.

    Returns:
        Name → class. The name is the file's: fitzhugh_nagumo.py holds "fitzhugh_nagumo".

    Raises:
        ImportError: a module cannot be imported, or holds more than one equation.
    """
    found = {}
    folder = importlib.import_module(package)
    for module in pkgutil.iter_modules(folder.__path__, f"{package}."):
        kinds = [kind for kind in vars(importlib.import_module(module.name)).values() if _is_own(kind, module.name)]
        if len(kinds) > 1:
            raise ImportError(f"{module.name}: wanted one equation a file, got {', '.join(k.__name__ for k in kinds)}")
        found.update({module.name.rpartition(".")[2]: kind for kind in kinds})
    return dict(sorted(found.items()))


def _is_own(kind: object, module: str) -> bool:
    """Whether an object is an equation that can be made and that this module defines."""
    return (
        inspect.isclass(kind)
        and issubclass(kind, Equation)
        and not inspect.isabstract(kind)
        and kind.__module__ == module
    )


EQUATIONS: dict[str, type[Equation]] = find_equations("pdgn.simulate.equations")
