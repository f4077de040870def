"""A recipe put on the user's own meshes, and such a mesh on its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple, get_args

from pdgn.cli.mesh_recipe import MeshRecipe, Repair, Variant
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import file_remarks, places, read, repaired, scale, surface
from pdgn.mesh import RepairReport, TriMesh

_NAMED = 4  # meshes that a description names


class OnMeshes(NamedTuple):
    """A recipe on the user's meshes.

    Args:
        recipe: what the file stores.
        lines: one for each mesh on its size.
    """

    recipe: Recipe
    lines: list[str]


class OwnMesh(NamedTuple):
    """A mesh file, repaired as `pdgn generate --mesh` does.

    Args:
        given: the mesh as the file has it.
        mesh: the repaired mesh; the same where nothing was to be done.
        report: what was done, and which vertex became which.
        lines: what a user should know, as `pdgn.cli.surfaces.file_remarks`; none for a mesh that is sound.
    """

    given: TriMesh
    mesh: TriMesh
    report: RepairReport
    lines: list[str]


def on_meshes(
    recipe: Recipe,
    files: Sequence[str],
    *,
    test_files: Sequence[str] = (),
    variants: Sequence[Variant] = (),
    keep_size: bool = False,
    weld: bool = False,
    unit: str | None = None,
    description: str | None = None,
) -> OnMeshes:
    """The same recipe with mesh files in the place of its surfaces.

    Every file is a surface named after the file, with whatever is wrong with it repaired: isolated vertices,
    degenerate, duplicate and inside-out faces, non-manifold parts. It is scaled to the area of the recipe's first
    surface, so that the coefficients keep their meaning; lengths are then in the unit of the recipe, or, where the
    files have a unit of their own, in none ("1"), and lines and description say how long one of them is.

    Args:
        recipe: the recipe.
        files: paths of meshes with trajectories for train, valid and test.
        test_files: paths of meshes for test alone.
        variants: the same surfaces at other resolutions, for test.
        keep_size: leave them at their own size.
        weld: make one vertex of those at one place.
        unit: of the lengths in the files; None: not known.
        description: what the dataset says about itself; None: the recipe's name and the meshes.

    Returns:
        The recipe, and what to say about the size of each mesh.

    Raises:
        ValueError: the recipe simulates nothing, or a file is no mesh.
        FileNotFoundError: no such file.
    """
    paths = [*files, *test_files]
    if recipe.stations is not None or not recipe.meshes:
        raise ValueError(
            f"--mesh: wanted a recipe that simulates on meshes, but '{recipe.name}' reads the tables of stations"
        )
    for number, path in enumerate(paths):
        if not Path(path).is_file():
            raise FileNotFoundError(f"{'--mesh' if number < len(files) else '--test_mesh'}: no file {path}")
    first = recipe.meshes[0]
    area = None if keep_size else first.area or float(surface(replace(recipe, sensors=None), 0).face_area.sum())
    meshes = [
        replace(_entry(name, path, weld), area=area, variants=list(variants))
        for name, path in zip(_names(paths), paths)
    ]
    meshes = [*meshes[: len(files)], *(replace(entry, role="test") for entry in meshes[len(files) :])]
    label = recipe.unit if unit is None else unit if keep_size else "1"
    result = replace(recipe, meshes=meshes, unit=label)
    lengths = [] if keep_size else _lengths(result, unit)
    if description is None:
        description = _description(recipe.name, meshes, lengths)
    return OnMeshes(replace(result, description=description), _sizes(result, lengths))


def own_mesh(path: str, *, weld: bool = False) -> OwnMesh:
    """A mesh file with the repairs of `on_meshes`, at its own size.

    Args:
        path: of the mesh.
        weld: make one vertex of those at one place.

    Returns:
        The mesh, and what was done to it.

    Raises:
        ValueError: the file is no mesh.
        FileNotFoundError: no such file.
    """
    entry = _entry(_names([path])[0], path, weld)
    given = read(entry)
    mesh, report = repaired(given, entry)
    assert report is not None
    said = None if mesh is given else report
    return OwnMesh(given, mesh, report, file_remarks(entry.name, entry, given, mesh, said))


def _entry(name: str, path: str, weld: bool) -> MeshRecipe:
    """The entry of a user's mesh: every repair, welding where it is asked for."""
    repairs = [kind for kind in get_args(Repair) if weld or kind != "weld"]
    return MeshRecipe(name, "file", str(path), repair=repairs)


def _names(files: Sequence[str]) -> list[str]:
    """Names from the stems of files: what a name cannot hold becomes "_", one that is taken gets _1, ..."""
    names: list[str] = []
    for file in files:
        stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", Path(file).stem)
        stem = stem if re.match(r"[A-Za-z0-9_]", stem) else f"mesh{stem}"
        others = (f"{stem}_{number}" for number in count(1))
        names.append(next(name for name in chain([stem], others) if name not in names))
    return names


def _lengths(recipe: Recipe, unit: str | None) -> list[str]:
    """How long a length of the dataset is in each file: "1 m = 43.5 of a.obj", "1 = 43.5 mm of a.obj"."""
    plain = replace(recipe, sensors=None)
    here, there = ("" if text in (None, "1") else f" {text}" for text in (recipe.unit, unit))
    return [
        f"1{here} = {1 / scale(plain, index):.6g}{there} of {Path(place.entry.file or '').name}"
        for index, place in enumerate(places(plain))
        if place.variant is None
    ]


def _sizes(recipe: Recipe, lengths: list[str]) -> list[str]:
    if not lengths:
        unit = "" if recipe.unit == "1" else f" [{recipe.unit}]"
        return [f"{entry.name}: at its own size{unit}" for entry in recipe.meshes]
    unit = "" if recipe.unit == "1" else f" {recipe.unit}²"
    return [
        f"{entry.name}: scaled to the area of the recipe's first surface, {entry.area:.6g}{unit}; length {length} "
        "(--keep_size leaves it)"
        for entry, length in zip(recipe.meshes, lengths, strict=True)
    ]


def _description(name: str, meshes: list[MeshRecipe], lengths: list[str]) -> str:
    """For example "The recipe 'heat' on own meshes: a, b (test alone); scaled, length 1 = 43.5 mm of a.obj, ..."."""
    shown = [f"{entry.name}{' (test alone)' if entry.role == 'test' else ''}" for entry in meshes[:_NAMED]]
    more = len(meshes) - len(shown)
    tail = [f"{more} more"] if more else []
    listed = ", ".join([*lengths[:_NAMED], *(["..."] if more else [])])
    size = f"scaled, length {listed}" if lengths else "at their own size"
    return f"The recipe '{name}' on own meshes: {', '.join([*shown, *tail])}; {size}."
