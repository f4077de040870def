"""The surfaces of a recipe: generated shapes and mesh files, each made from its own seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from pdgn.cli.nearest import nearest
from pdgn.cli.parser import readable
from pdgn.cli.recipe import MeshRecipe, Recipe
from pdgn.cli.typed import fits
from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, read_mesh, repair, torus

SHAPES: dict[str, Callable[..., TriMesh]] = {
    "bumpy_sphere": bumpy_sphere,
    "icosphere": icosphere,
    "torus": torus,
    "grid": grid,
}


def surface_names(recipe: Recipe) -> list[tuple[str, MeshRecipe]]:
    """Every surface of a recipe, families spelt out.

    Args:
        recipe: the recipe.

    Returns:
        (name in the file, its entry in the recipe), in the order of the recipe.

    Raises:
        ValueError: two surfaces have one name, or an entry is inconsistent.
    """
    names: list[tuple[str, MeshRecipe]] = []
    for entry in recipe.meshes:
        if (entry.shape == "file") != (entry.file is not None):
            raise ValueError(f"mesh '{entry.name}': wanted a file exactly where shape is 'file', got shape "
                             f"'{entry.shape}' and file {entry.file!r}")  # fmt: skip
        if entry.count != 1 and entry.shape != "bumpy_sphere":
            raise ValueError(f"mesh '{entry.name}': count is for the seeded family 'bumpy_sphere', not '{entry.shape}'")
        members = [entry.name] if entry.count == 1 else [f"{entry.name}_{i}" for i in range(entry.count)]
        names += [(member, entry) for member in members]
    seen = [name for name, _ in names]
    repeated = sorted({name for name in seen if seen.count(name) > 1})
    if repeated:
        raise ValueError(f"meshes: wanted distinct names, got {', '.join(repeated)} more than once")
    return names


def surface(recipe: Recipe, index: int) -> TriMesh:
    """Makes or reads one surface.

    Args:
        recipe: the recipe.
        index: position in `surface_names(recipe)`.

    Returns:
        The mesh, scaled to the entry's area where that is given.

    Raises:
        ValueError: unknown option of a shape; a mesh that the simulator cannot take.
        FileNotFoundError: no such mesh file.
    """
    name, entry = surface_names(recipe)[index]
    mesh = _read(entry) if entry.file is not None else _generate(entry, np.random.default_rng([recipe.seed, 0, index]))
    if entry.remove_isolated:
        mesh, _ = repair(mesh, isolated=True)
    isolated = mesh.topology().isolated_vertices.size
    if isolated:
        raise ValueError(f"mesh '{name}': {isolated} vertices belong to no face; set "
                         "remove_isolated: true in the recipe to drop them")  # fmt: skip
    if entry.area is not None:
        mesh = TriMesh(mesh.pos * np.sqrt(entry.area / mesh.face_area.sum()), mesh.face, mesh.period)
    return mesh


def remarks(recipe: Recipe, index: int) -> list[str]:
    """What a user should know about a surface that comes from a file.

    Args:
        recipe: the recipe.
        index: position in `surface_names(recipe)`.

    Returns:
        One line on what was repaired and one on the defects that are left; none for a mesh that is sound.
    """
    name, entry = surface_names(recipe)[index]
    if entry.file is None:
        return []
    mesh, lines = _read(entry), []
    if entry.remove_isolated:
        mesh, report = repair(mesh, isolated=True)
        lines.append(f"mesh '{name}': {report.describe()}")
    found = mesh.topology().describe()
    return lines if found.endswith("no defects") else [*lines, f"mesh '{name}': {found}"]


def _read(entry: MeshRecipe) -> TriMesh:
    path = Path(entry.file or "")
    if not path.is_file():
        raise FileNotFoundError(f"mesh '{entry.name}': no file {path}")
    return read_mesh(path)


def _generate(entry: MeshRecipe, generator: np.random.Generator) -> TriMesh:
    make = SHAPES[entry.shape]
    valid = [key for key in inspect.signature(make).parameters if key != "generator"]
    for key in entry.options:
        if key not in valid:
            raise ValueError(f"mesh '{entry.name}': unknown option '{key}' of shape '{entry.shape}'"
                             f"{nearest(key, valid)}; wanted one of {', '.join(valid)}")  # fmt: skip
        hint, given = get_type_hints(make)[key], entry.options[key]
        if not fits(given, hint):
            raise ValueError(f"mesh '{entry.name}': option '{key}': wanted {readable(hint)}, given {given!r}")
    required = [key for key in valid if inspect.signature(make).parameters[key].default is inspect.Parameter.empty]
    missing = [key for key in required if key not in entry.options]
    if missing:
        raise ValueError(f"mesh '{entry.name}': option '{missing[0]}': shape '{entry.shape}' wants it, given nothing")
    options: dict[str, Any] = dict(entry.options)
    if "generator" in inspect.signature(make).parameters:
        options["generator"] = generator
    try:
        return make(**options)
    except ValueError as error:
        raise ValueError(f"mesh '{entry.name}': {error}") from error
