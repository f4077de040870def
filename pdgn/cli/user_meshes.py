"""A recipe put on the user's own meshes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import get_args

from pdgn.cli.mesh_recipe import MeshRecipe, Repair, Variant
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import surface


def on_meshes(
    recipe: Recipe, files: Sequence[str], *, variants: Sequence[Variant] = (), keep_size: bool = False
) -> Recipe:
    """The same recipe with mesh files in the place of its surfaces.

    Every file is a surface with trajectories for train, valid and test, named after the file, with whatever is wrong
    with it repaired: isolated vertices, degenerate, duplicate and inside-out faces, non-manifold parts. It is scaled to
    the area of the recipe's first surface, so that the coefficients keep their meaning.

    Args:
        recipe: the recipe.
        files: paths of meshes.
        variants: the same surfaces at other resolutions, for test.
        keep_size: leave them at their own size.

    Returns:
        The recipe; it is what the file stores.

    Raises:
        ValueError: the recipe simulates nothing.
        FileNotFoundError: no such file.
    """
    if recipe.stations is not None or not recipe.meshes:
        raise ValueError(
            f"--mesh: wanted a recipe that simulates on meshes, but '{recipe.name}' reads the tables of stations"
        )
    for file in files:
        if not Path(file).is_file():
            raise FileNotFoundError(f"--mesh: no file {file}")
    first = recipe.meshes[0]
    area = None if keep_size else first.area or float(surface(replace(recipe, sensors=None), 0).face_area.sum())
    repairs = list(get_args(Repair))
    meshes = [
        MeshRecipe(name, "file", str(file), area=area, repair=repairs, variants=list(variants))
        for name, file in zip(_names(files), files)
    ]
    return replace(recipe, meshes=meshes)


def _names(files: Sequence[str]) -> list[str]:
    """Names from the stems of files: what a name cannot hold becomes "_", one that is taken gets _1, ..."""
    names: list[str] = []
    for file in files:
        stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", Path(file).stem)
        stem = stem if re.match(r"[A-Za-z0-9_]", stem) else f"mesh{stem}"
        others = (f"{stem}_{number}" for number in count(1))
        names.append(next(name for name in chain([stem], others) if name not in names))
    return names


def describe_size(recipe: Recipe) -> str:
    """One line on what size the meshes of `on_meshes` have.

    Args:
        recipe: what it returned.

    Returns:
        The line.
    """
    names, area = ", ".join(entry.name for entry in recipe.meshes), recipe.meshes[0].area
    if area is None:
        return f"{names}: at their own size"
    unit = "" if recipe.unit == "1" else f" {recipe.unit}²"
    return f"{names}: scaled to the area of the recipe's first surface, {area:.6g}{unit} (--keep_size leaves them)"
