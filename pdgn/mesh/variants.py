"""The same surface in another triangulation: coarser, finer, or as fine and otherwise cut."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdgn.mesh.bumpy_sphere import bumps_on
from pdgn.mesh.coarsening import coarsen
from pdgn.mesh.fibonacci import fibonacci_sphere
from pdgn.mesh.refinement import refine
from pdgn.mesh.retriangulation import retriangulate
from pdgn.mesh.shape import Shape
from pdgn.mesh.shapes import icosphere, torus
from pdgn.mesh.tri_mesh import TriMesh

VARIANTS = ("coarser", "finer", "retriangulated")


def variant(surface: TriMesh | Shape, kind: str, generator: np.random.Generator) -> TriMesh:
    """The same surface with about a quarter or four times the vertices, or with as many in another triangulation.

    A mesh goes through `coarsen`, `refine` or `retriangulate`. A generated shape is made anew on the exact surface: at
    another resolution, or, retriangulated, a sphere and a bumpy sphere on a Fibonacci lattice turned at random, a
    torus with other counts, staggered and with random phases, a grid (whose plane loses nothing) by `retriangulate`.

    Args:
        surface: a mesh, or the shape that makes it.
        kind: "coarser", "finer" or "retriangulated".
        generator: source of the other triangulation; "coarser" and "finer" draw nothing.

    Returns:
        The other mesh.

    Raises:
        ValueError: where the kind is another, or the surface has no such variant.
    """
    if kind not in VARIANTS:
        raise ValueError(f"kind of variant must be one of {', '.join(VARIANTS)}, got {kind!r}")
    if isinstance(surface, Shape):
        return _shape_variant(surface, kind, generator)
    if kind == "coarser":
        return coarsen(surface)
    return refine(surface) if kind == "finer" else retriangulate(surface, generator)


def _shape_variant(shape: Shape, kind: str, generator: np.random.Generator) -> TriMesh:
    if kind == "retriangulated":
        return _retriangulated(shape, generator)
    options = dict(shape.options)
    if shape.name in ("icosphere", "bumpy_sphere"):
        options["subdivisions"] = options.get("subdivisions", 3) + (1 if kind == "finer" else -1)
    elif shape.name == "torus":
        for count in ("n_major", "n_minor"):
            options[count] = 2 * options[count] if kind == "finer" else options[count] // 2
    else:
        ends = 0 if options.get("periodic", False) else 1
        for count in ("nx", "ny"):
            cells = options[count] - ends
            options[count] = (2 * cells if kind == "finer" else cells // 2) + ends
    return Shape(shape.name, options, shape.seed).make()


def _retriangulated(shape: Shape, generator: np.random.Generator) -> TriMesh:
    options: dict[str, Any] = dict(shape.options)
    if shape.name == "grid":
        return retriangulate(shape.make(), generator)
    if shape.name == "torus":
        stretch = generator.uniform(0.8, 1.25)
        options["n_major"] = max(4, 2 * round(options["n_major"] * stretch / 2))
        options["n_minor"] = max(3, round(options["n_minor"] / stretch))
        phase = tuple(generator.uniform(0, 2 * np.pi, 2).tolist())
        return torus(**{**options, "triangulation": "staggered", "phase": phase})
    subdivisions = options.pop("subdivisions", 3)
    num_vertices = icosphere(subdivisions).num_vertices
    if shape.name == "icosphere":
        return fibonacci_sphere(num_vertices, options.get("radius", 1.0), generator)
    options.pop("triangulation", None)
    return bumps_on(fibonacci_sphere(num_vertices, generator=generator), np.random.default_rng(shape.seed), **options)
