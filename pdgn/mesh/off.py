"""Object File Format text: positions and faces, as the file has them.

A reader of our own, because trimesh drops missing faces of a truncated file and surplus ones without a word.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.polygons import triangulate


def parse_off(text: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions and triangles of an OFF file (OFF, or COFF, NOFF, STOFF whose further columns are left out).

    Args:
        text: content of the file: header, counts, one vertex or face a line; # starts a comment.

    Returns:
        (pos [V, 3] float64, face [F, 3] int64), polygons cut into triangles.

    Raises:
        ValueError: where the header is another, a line cannot be read (named), or lines are missing or left over.
    """
    stripped = ((number, line.split("#", 1)[0].strip()) for number, line in enumerate(text.splitlines(), start=1))
    lines = [(number, line) for number, line in stripped if line]
    header = re.match(r"(ST)?C?N?OFF\b\s*(.*)", lines[0][1]) if lines else None
    if not header:
        raise ValueError(f"an OFF file starts with OFF and its counts, got {lines[0][1][:40]!r}" if lines else "empty")
    lines = ([(lines[0][0], header.group(2))] if header.group(2) else []) + lines[1:]
    num_vertices, num_faces = _counts(lines)
    if len(lines) - 1 != num_vertices + num_faces:
        raise ValueError(
            f"the header promises {num_vertices} vertices and {num_faces} faces, that is {num_vertices + num_faces} "
            f"lines, got {len(lines) - 1} (truncated?)"
        )
    pos = [_numbers(line, number, 3, float) for number, line in lines[1 : 1 + num_vertices]]
    polygons: list[list[int]] = []
    for number, line in lines[1 + num_vertices :]:
        size = int(_numbers(line, number, 1, int)[0])
        if size < 3:
            raise ValueError(f"line {number}: a face wants at least three vertices, got {size}")
        polygons.append([int(value) for value in _numbers(line, number, size + 1, int)[1:]])
    position = np.array(pos, dtype=np.float64).reshape(-1, 3)
    line_of_polygon = [number for number, _ in lines[1 + num_vertices :]]
    return position, triangulate(polygons, line_of_polygon, position, first=0)


def _counts(lines: list[tuple[int, str]]) -> tuple[int, int]:
    if not lines:
        raise ValueError("the counts of vertices and faces are missing (truncated?)")
    num_vertices, num_faces = _numbers(lines[0][1], lines[0][0], 2, int)
    return int(num_vertices), int(num_faces)


def _numbers(line: str, number: int, count: int, kind: type) -> list[float]:
    values = line.split()[:count]
    try:
        result = [kind(value) for value in values]
    except ValueError as error:
        raise ValueError(f"line {number}: wanted {count} numbers, got {line[:60]!r}") from error
    if len(result) < count:
        raise ValueError(f"line {number}: wanted {count} numbers, got {len(result)}")
    return result
