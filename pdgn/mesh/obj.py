"""Wavefront OBJ text: positions and faces, as the file has them.

A reader of our own, because trimesh splits vertices at normals and materials, drops unused vertices and short faces,
reads index 0 as the first vertex and negative indices from the end of the file, all without a word.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.polygons import triangulate

# Texture, normals, grouping, rendering, points, lines, and the parameters of free-form curves.
_WITHOUT_TRIANGLES = frozenset(
    {"vt", "vn", "vp", "l", "p", "g", "o", "s", "mg", "usemtl", "mtllib", "usemap", "maplib", "bevel", "c_interp"}
    | {"d_interp", "lod", "shadow_obj", "trace_obj", "ctech", "stech", "cstype", "deg", "bmat", "step", "curv2"}
    | {"parm", "trim", "hole", "scrv", "sp", "end", "con", "call", "csh"}
)


def parse_obj(text: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions and triangles of an OBJ file.

    One vertex for every `v` line, in order, whatever the texture coordinates, normals, groups, objects and materials;
    polygons are cut into triangles. Free-form surfaces are refused; a line with a word that OBJ does not have is left
    out with a warning. The format has no counts: a file cut off at the end of a line cannot be told from a whole one.

    Args:
        text: content of the file.

    Returns:
        (pos [V, 3] float64, face [F, 3] int64).

    Raises:
        ValueError: where a line cannot be read; it is named.
    """
    pos: list[list[float]] = []
    polygons: list[list[int]] = []
    line_of_polygon: list[int] = []
    unknown: list[int] = []
    for number, line in _lines(text):
        word, *values = line.split("#", 1)[0].split() or [""]
        if word == "v":
            pos.append(_position(values, number))
        elif word == "f":
            polygons.append(_corners(values, len(pos), number))
            line_of_polygon.append(number)
        elif word in ("curv", "surf"):
            raise ValueError(f"line {number}: free-form surfaces ({word}) are not triangles; convert the file first")
        elif word and word not in _WITHOUT_TRIANGLES:
            unknown.append(number)
    if unknown and not pos:
        raise ValueError(f"line {unknown[0]} is no OBJ, nor are {len(unknown) - 1} others, and there are no vertices")
    if unknown:
        warnings.warn(f"{len(unknown)} lines are no OBJ and left out, the first is line {unknown[0]}", stacklevel=3)
    position = np.array(pos, dtype=np.float64).reshape(-1, 3)
    return position, triangulate(polygons, line_of_polygon, position, first=1)


def _lines(text: str) -> list[tuple[int, str]]:
    """Numbered lines, those that end in a backslash joined with the next."""
    if "\\" not in text:
        return list(enumerate(text.splitlines(), start=1))
    lines: list[tuple[int, str]] = []
    open_line = False
    for number, line in enumerate(text.splitlines(), start=1):
        continues = line.rstrip().endswith("\\")
        part = line.rstrip()[:-1] if continues else line
        if open_line:
            lines[-1] = (lines[-1][0], lines[-1][1] + " " + part)
        else:
            lines.append((number, part))
        open_line = continues
    return lines


def _position(values: list[str], number: int) -> list[float]:
    try:
        position = [float(value) for value in values[:3]]
    except ValueError as error:
        raise ValueError(f"line {number}: v wants three numbers, got {' '.join(values)[:60]!r}") from error
    if len(position) < 3:
        raise ValueError(f"line {number}: v wants three numbers, got {len(values)}")
    return position


def _corners(values: list[str], num_vertices: int, number: int) -> list[int]:
    try:
        given = [int(value.split("/", 1)[0]) for value in values]
    except ValueError as error:
        raise ValueError(f"line {number}: f wants vertex numbers, got {' '.join(values)[:60]!r}") from error
    if len(given) < 3:
        raise ValueError(f"line {number}: f wants at least three vertices, got {len(given)}")
    if 0 in given:
        raise ValueError(f"line {number}: vertex numbers of an OBJ file start at 1, got 0")
    # Negative numbers count back from the vertices read so far; before the first vertex they stay out of range.
    corners = [value - 1 if value > 0 else num_vertices + value for value in given]
    if min(corners) < 0:
        raise ValueError(f"line {number}: {min(given)} reaches back before the first of {num_vertices} vertices")
    return corners
