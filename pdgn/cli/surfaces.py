"""The meshes of a recipe: generated shapes and mesh files, each made from its own seed, and sensors on them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_type_hints

import numpy as np

from pdgn.cli.mesh_recipe import MeshRecipe, Variant
from pdgn.cli.nearest import nearest
from pdgn.cli.parser import readable
from pdgn.cli.recipe import Recipe
from pdgn.cli.typed import fits
from pdgn.mesh import SHAPES, RepairReport, Shape, TriMesh, read_mesh, repair, variant
from pdgn.mesh.slits import Slits, slits

WELD_ADVICE = "weld them if that is not meant (--weld; in a recipe repair: [weld]; in Python repair(mesh, weld=True))"


class Place(NamedTuple):
    """One mesh of the file.

    Args:
        name: name in the file.
        entry: the surface's entry in the recipe.
        member: number of the surface among those of the recipe, families spelt out; its seed.
        variant: which resolution of it; none: the surface itself.
        network: whether it is the sensors on the surface, not the surface.
    """

    name: str
    entry: MeshRecipe
    member: int
    variant: Variant | None = None
    network: bool = False


def places(recipe: Recipe) -> list[Place]:
    """Every mesh of a recipe's file: surfaces, their variants, the sensors on each.

    Args:
        recipe: the recipe.

    Returns:
        The meshes, in the order of the recipe.

    Raises:
        ValueError: two meshes have one name, or an entry is inconsistent.
    """
    found: list[Place] = []
    for name, entry in _members(recipe):
        member = sum(place.variant is None and not place.network for place in found)
        found += [Place(name, entry, member)]
        found += [Place(f"{name}_{variant}", entry, member, variant) for variant in entry.variants]
    if recipe.sensors is not None:
        tail = "_sensors" if recipe.sensors.keep_surface else ""
        networks = [place._replace(name=f"{place.name}{tail}", network=True) for place in found]
        found = found + networks if recipe.sensors.keep_surface else networks
    seen = [place.name for place in found]
    repeated = sorted({name for name in seen if seen.count(name) > 1})
    if repeated:
        raise ValueError(f"meshes: wanted distinct names, got {', '.join(repeated)} more than once")
    return found


def surface_names(recipe: Recipe) -> list[tuple[str, MeshRecipe]]:
    """Every mesh of a recipe's file with the entry it comes from, in the order of `places`.

    Args:
        recipe: the recipe.

    Returns:
        (name in the file, its entry in the recipe).
    """
    return [(place.name, place.entry) for place in places(recipe)]


def _members(recipe: Recipe) -> Iterator[tuple[str, MeshRecipe]]:
    for entry in recipe.meshes:
        if (entry.shape == "file") != (entry.file is not None):
            raise ValueError(f"mesh '{entry.name}': wanted a file exactly where shape is 'file', got shape "
                             f"'{entry.shape}' and file {entry.file!r}")  # fmt: skip
        if entry.count != 1 and entry.shape != "bumpy_sphere":
            raise ValueError(f"mesh '{entry.name}': count is for the seeded family 'bumpy_sphere', not '{entry.shape}'")
        for number in range(entry.count):
            yield entry.name if entry.count == 1 else f"{entry.name}_{number}", entry


def surface(recipe: Recipe, index: int) -> TriMesh:
    """Makes or reads one surface.

    Args:
        recipe: the recipe.
        index: position in `places(recipe)`; for sensors the surface that they are on.

    Returns:
        The mesh, repaired and scaled to the entry's area where that is asked for.

    Raises:
        ValueError: unknown option of a shape; a mesh that the simulator cannot take.
        FileNotFoundError: no such mesh file.
    """
    place = places(recipe)[index]
    base, factor = _base(recipe, place)
    if place.variant is None:
        return base
    entry, number = place.entry, place.entry.variants.index(place.variant)
    try:
        origin = base if entry.file is not None else Shape(entry.shape, entry.options, _seed(recipe, place))
        mesh = variant(origin, place.variant, np.random.default_rng([recipe.seed, 4, place.member, number]))
    except ValueError as error:
        raise ValueError(f"mesh '{place.name}': {error}") from error
    # A file's surface is scaled already; another triangulation of a shape is scaled as the shape is.
    return mesh if entry.file is not None else _scaled(mesh, factor)


def _base(recipe: Recipe, place: Place) -> tuple[TriMesh, float]:
    """The surface of a place, not its variant, and the factor by which it was scaled."""
    entry = place.entry
    mesh = read(entry) if entry.file is not None else _generate(entry, _seed(recipe, place))
    mesh, _ = repaired(mesh, entry)
    isolated = mesh.topology().isolated_vertices.size
    if isolated:
        raise ValueError(f"mesh '{place.name}': {isolated} vertices belong to no face; set "
                         "remove_isolated: true in the recipe to drop them")  # fmt: skip
    factor = 1.0 if entry.area is None else float(np.sqrt(entry.area / mesh.face_area.sum()))
    return _scaled(mesh, factor), factor


def scale(recipe: Recipe, index: int) -> float:
    """The factor by which one surface is scaled to the area of its entry; 1 where it has none.

    Args:
        recipe: the recipe.
        index: position in `places(recipe)`.

    Raises:
        ValueError, FileNotFoundError: as `surface`.
    """
    return _base(recipe, places(recipe)[index])[1]


def _scaled(mesh: TriMesh, factor: float) -> TriMesh:
    if factor == 1:
        return mesh
    period = None if mesh.period is None else tuple(factor * length for length in mesh.period)
    return TriMesh(factor * mesh.pos, mesh.face, period)  # type: ignore[arg-type]


def _seed(recipe: Recipe, place: Place) -> list[int]:
    return [recipe.seed, 0, place.member]


def remarks(recipe: Recipe, index: int) -> list[str]:
    """What a user should know about a surface that comes from a file.

    Args:
        recipe: the recipe.
        index: position in `places(recipe)`.

    Returns:
        As `file_remarks`; none for a mesh that is sound, and none for variants and sensors, as their surface has them.
    """
    name, entry, _, kind, network = places(recipe)[index]
    if entry.file is None or kind is not None or (network and recipe.sensors and recipe.sensors.keep_surface):
        return []
    given = read(entry)
    return file_remarks(name, entry, given, *repaired(given, entry))


def file_remarks(name: str, entry: MeshRecipe, given: TriMesh, mesh: TriMesh, report: RepairReport | None) -> list[str]:
    """What a user should know about a mesh from a file.

    Args:
        name: of the mesh.
        entry: its entry.
        given: the mesh as it was read.
        mesh: as it was repaired.
        report: what `repaired` did; None: nothing is said of it.

    Returns:
        Up to three lines: what was repaired, the defects that are left, vertices that coincide along slits.
    """
    found, cut = mesh.topology().describe(), unwelded(entry, given)
    lines = [] if report is None else [report.describe()]
    lines += [] if found.endswith("no defects") else [found]
    lines += [] if cut is None else [f"{cut.describe()}; {WELD_ADVICE}"]
    return [f"mesh '{name}': {line}" for line in lines]


def unwelded(entry: MeshRecipe, given: TriMesh) -> Slits | None:
    """The slits of a mesh as it was read (repairs split vertices), where its entry does not weld them."""
    return None if "weld" in entry.repair else slits(given)


def repaired(mesh: TriMesh, entry: MeshRecipe) -> tuple[TriMesh, RepairReport | None]:
    """A mesh with the repairs of its entry, and what they did.

    Args:
        mesh: as it was read.
        entry: says which repairs.

    Returns:
        The mesh, and the report; None where none is asked for.
    """
    wanted: set[str] = {*entry.repair, *(["isolated"] if entry.remove_isolated else [])}
    if not wanted:
        return mesh, None
    try:
        return repair(mesh, **dict.fromkeys(sorted(wanted), True))
    except ValueError as error:
        raise ValueError(f"mesh {entry.name!r}: {error}") from None


def read(entry: MeshRecipe) -> TriMesh:
    """The mesh of an entry's file, as it is there.

    Args:
        entry: its `file` says where.

    Returns:
        The mesh.

    Raises:
        ValueError: the file is no mesh.
        FileNotFoundError: no such file.
    """
    path = Path(entry.file or "")
    if not path.is_file():
        raise FileNotFoundError(f"mesh '{entry.name}': no file {path}")
    return read_mesh(path)


def _generate(entry: MeshRecipe, seed: list[int]) -> TriMesh:
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
    try:
        return Shape(entry.shape, dict(entry.options), seed).make()
    except ValueError as error:
        raise ValueError(f"mesh '{entry.name}': {error}") from error
