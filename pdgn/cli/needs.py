"""Whether surfaces have the topology that a recipe needs."""

from __future__ import annotations

from collections.abc import Iterator

from pdgn.cli.recipe import NeedsRecipe, Recipe
from pdgn.cli.surfaces import WELD_ADVICE, Place, places, read, surface, unwelded
from pdgn.mesh import TriMesh
from pdgn.mesh.slits import Slits


def require_topology(recipe: Recipe) -> None:
    """Refuse a recipe whose surfaces cannot carry it; nothing is simulated or written for that.

    Args:
        recipe: the recipe; its `needs` say what is needed.

    Raises:
        ValueError: one line: the surface, what is needed, what it has, what to do.
        FileNotFoundError: no such mesh file.
    """
    for index, place in enumerate(places(recipe)):
        if place.variant is not None or (place.network and recipe.sensors and recipe.sensors.keep_surface):
            continue  # they have the topology of their surface
        failure = next(_failures(surface(recipe, index), recipe.needs, place), None)
        if failure is not None:
            raise ValueError(f"mesh '{place.name}': recipe '{recipe.name}' needs {failure}")


def _failures(mesh: TriMesh, needs: NeedsRecipe, place: Place) -> Iterator[str]:
    found = mesh.topology()
    loops = f"{found.boundary_loops} boundary loop{'s' if found.boundary_loops != 1 else ''}"
    if needs.periodic and mesh.period is None:
        yield "the flat periodic square, but it has no period; a mesh file has none, use shape: grid, periodic: true"
    if needs.boundary == "none" and not found.closed:
        cut = _slits(place)
        if cut is not None:
            yield f"a closed surface, but {cut.describe()}; {WELD_ADVICE}"
        yield f"a closed surface, but it has {loops}; fill its holes, or choose a recipe that allows a boundary"
    if needs.boundary == "required" and found.closed:
        yield "a surface with a boundary, but it is closed; cut it open, or choose a recipe that allows closed ones"
    if needs.components is not None and found.components > needs.components:
        cut = _slits(place)
        joined = cut is not None and cut.components_left < found.components
        advice = f"welded it has {cut.components_left}; {WELD_ADVICE}" if cut and joined else "take them one by one"
        yield f"at most {needs.components} connected components, but it has {found.components}; {advice}"
    if needs.manifold and not found.manifold:
        edges, vertices = len(found.non_manifold_edges), len(found.non_manifold_vertices)
        yield (
            f"a manifold, but it has {edges} non-manifold edges and {vertices} non-manifold vertices; "
            "set repair: [non_manifold] for it"
        )
    if needs.oriented and len(found.inconsistent_edges):
        count = len(found.inconsistent_edges)
        yield f"a consistent orientation, but faces disagree at {count} edges; set repair: [orientation] for it"


def _slits(place: Place) -> Slits | None:
    return None if place.entry.file is None else unwelded(place.entry, read(place.entry))
