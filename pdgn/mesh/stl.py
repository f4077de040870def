"""Stereolithography files: loose triangles in float32, whose corners are joined on reading."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.coincident import coincident
from pdgn.mesh.validation import check_pos

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def parse_stl(content: bytes, tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions and triangles of an STL file, text or binary.

    Corners nearer to each other than tolerance × diagonal of the bounding box become one vertex (chains of such corners
    too), at the position of the first; vertices are numbered as they first appear. Stored normals are left out: the
    order of the corners has the same meaning. What STL cannot hold, seams and isolated vertices, is not there.

    Args:
        content: bytes of the file.
        tolerance: relative to the diagonal of the bounding box, at least 0 (0 joins equal positions only).

    Returns:
        (pos [V, 3] float64, face [F, 3] int64); a triangle smaller than the tolerance stays, as a degenerate face.

    Raises:
        ValueError: where triangles are missing, or a position is not finite.
    """
    triangles = _binary(content) if _is_binary(content) else _text(content)
    if not len(triangles):
        raise ValueError("the file holds no triangles")
    return _join(check_pos(triangles.reshape(-1, 3)), tolerance)


def format_stl(corners: NDArray[np.float64]) -> bytes:
    """A binary STL file of triangles [F, 3, 3]; positions are rounded to float32, the format's only type.

    Raises:
        ValueError: where a position is beyond float32.
    """
    largest, limit = np.abs(corners).max(), np.finfo(np.float32).max
    if largest > limit:
        raise ValueError(f"STL holds positions up to {limit:.3g} (float32), got {largest:.3g}; write PLY, OBJ or OFF")
    rows = np.zeros(len(corners), dtype=_TRIANGLE)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    rows["normal"] = np.divide(normal, length, out=np.zeros_like(normal), where=length > 0)
    rows["corners"] = corners
    return b"pdgn".ljust(80) + np.uint32(len(rows)).tobytes() + rows.tobytes()


def _is_binary(content: bytes) -> bool:
    # Binary files may begin with "solid" too: what their length says counts for more.
    if len(content) >= 84 and len(content) == 84 + 50 * _count(content):
        return True
    return content.lstrip()[:5].lower() != b"solid"


def _count(content: bytes) -> int:
    return int(np.frombuffer(content, "<u4", 1, 80)[0])


def _binary(content: bytes) -> NDArray[np.float64]:
    if len(content) < 84:
        raise ValueError(f"a binary STL file has at least 84 bytes, got {len(content)} (truncated?)")
    count = _count(content)
    if len(content) != 84 + 50 * count:
        raise ValueError(
            f"the header promises {count} triangles, that is {84 + 50 * count} bytes, got {len(content)} (truncated?)"
        )
    return np.frombuffer(content, _TRIANGLE, count, 84)["corners"].astype(np.float64)


def _text(content: bytes) -> NDArray[np.float64]:
    rows: list[list[float]] = []
    facets, solids, last = 0, 0, ""
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
        word, *values = line.lower().split() or [""]
        last = word or last
        if word == "facet":
            if len(rows) != 3 * facets:
                raise ValueError(f"line {number}: the facet before this one must have three vertices")
            facets += 1
        solids += (word == "solid") - (word == "endsolid")
        if word == "vertex":
            try:
                rows.append([float(value) for value in values])
            except ValueError as error:
                raise ValueError(f"line {number}: vertex wants three numbers, got {line.strip()[:60]!r}") from error
            if len(values) != 3:
                raise ValueError(f"line {number}: vertex wants three numbers, got {len(values)}")
    if len(rows) != 3 * facets or solids or last != "endsolid":
        raise ValueError(
            f"every facet has three vertices and every solid an end, got {facets} facets and {len(rows)} vertices, "
            f"last line {last!r} (truncated?)"
        )
    return np.array(rows, dtype=np.float64).reshape(-1, 3, 3)


def _join(corners: NDArray[np.float64], tolerance: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    kept, vertex = np.unique(coincident(corners, tolerance), return_inverse=True)
    return corners[kept], vertex.reshape(-1, 3)
