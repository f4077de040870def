"""Polygon File Format: positions and faces, as the file has them.

A reader and writer of our own, because trimesh writes float32, refuses binary files that mix triangles and quads,
splits vertices at texture coordinates and reads truncated text without a word.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.polygons import triangulate

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


class _Property(NamedTuple):
    name: str
    kind: str  # of the value, or of the items of a list
    count_kind: str | None  # of the length of a list


class _Element(NamedTuple):
    name: str
    num_rows: int
    properties: list[_Property]


Column = NDArray | list[NDArray]


def parse_ply(content: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Positions and triangles of a PLY file, text or binary; polygons are cut into triangles.

    One vertex for every vertex of the file; properties other than x, y, z and vertex_indices (or vertex_index) are
    left out. float64 positions stay float64.

    Args:
        content: bytes of the file.

    Returns:
        (pos [V, 3] float64, face [F, 3] int64).

    Raises:
        ValueError: where the header cannot be read, data are missing or left over, or an index is out of range.
    """
    order, elements, body = _header(content)
    columns = _read_text(elements, body) if order == "" else _read_binary(elements, body, order)
    strips = [element.name for element in elements if element.name in ("tristrips", "trifans") and element.num_rows]
    if strips:
        raise ValueError(f"faces in {strips[0]} are not read; write the mesh with an element face")
    vertex, polygon = columns.get("vertex", {}), columns.get("face", {})
    if not {"x", "y", "z"} <= vertex.keys():
        raise ValueError("the header names no element vertex with x, y and z")
    pos = np.stack([np.asarray(vertex[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    corners = polygon.get("vertex_indices", polygon.get("vertex_index", []))
    return pos, _triangles(corners, pos)


def format_ply(pos: NDArray[np.float64], face: NDArray[np.int64]) -> bytes:
    """A binary little-endian PLY file with positions in double."""
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(pos)}\n"
        "property double x\nproperty double y\nproperty double z\n"
        f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(face), dtype=[("count", "u1"), ("corner", "<i4", 3)])
    rows["count"], rows["corner"] = 3, face
    return header.encode("ascii") + pos.astype("<f8").tobytes() + rows.tobytes()


def _header(content: bytes) -> tuple[str, list[_Element], bytes]:
    head, found, body = content.partition(b"end_header")
    lines = head.decode("ascii", errors="replace").split("\n")
    if lines[0].strip() != "ply" or not found:
        raise ValueError("a PLY file has a header from ply to end_header")
    order, elements = None, []
    for line in lines[1:]:
        match line.split():
            case ["format", name, _] if name in _ORDERS:
                order = _ORDERS[name]
            case ["element", name, count] if count.isdigit():
                elements.append(_Element(name, int(count), []))
            case ["property", "list", count_kind, kind, name] if {count_kind, kind} <= _TYPES.keys() and elements:
                elements[-1].properties.append(_Property(name, _TYPES[kind], _TYPES[count_kind]))
            case ["property", kind, name] if kind in _TYPES and elements:
                elements[-1].properties.append(_Property(name, _TYPES[kind], None))
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise ValueError(f"the header line {line.strip()[:60]!r} is no format, element or property")
    if order is None:
        raise ValueError("the header names no format")
    # Exactly one end of line follows end_header; binary data may begin with such bytes.
    return order, elements, body[2:] if body[:2] == b"\r\n" else body[1:]


def _read_text(elements: list[_Element], body: bytes) -> dict[str, dict[str, Column]]:
    lines = [line for line in body.decode("ascii", errors="replace").splitlines() if line.strip()]
    wanted = sum(element.num_rows for element in elements)
    if len(lines) != wanted:
        raise ValueError(f"the header promises {wanted} lines, got {len(lines)} (truncated?)")
    columns: dict[str, dict[str, Column]] = {}
    start = 0
    for element in elements:
        rows = [_text_row(line.split(), element) for line in lines[start : start + element.num_rows]]
        columns[element.name] = {
            prop.name: [row[k] for row in rows] if prop.count_kind else np.array([row[k][0] for row in rows])
            for k, prop in enumerate(element.properties)
        }
        start += element.num_rows
    return columns


def _text_row(values: list[str], element: _Element) -> list[NDArray]:
    row, at = [], 0
    for prop in element.properties:
        size = 1
        if prop.count_kind:
            count = values[at] if at < len(values) else "none"
            if not count.isdigit():
                raise ValueError(f"{element.name}: a list wants its length, got {count!r} in {' '.join(values)[:60]!r}")
            size, at = int(count), at + 1
        part = values[at : at + size]
        if len(part) < size:
            raise ValueError(f"a {element.name} is too short: {' '.join(values)[:60]!r}")
        # Through float64, which holds every type of the format.
        row.append(np.array(part, dtype=np.float64))
        at += size
    if at < len(values):
        raise ValueError(f"a {element.name} is too long, wanted {at} numbers: {' '.join(values)[:60]!r}")
    return row


def _read_binary(elements: list[_Element], body: bytes, order: str) -> dict[str, dict[str, Column]]:
    columns, start = {}, 0
    for element in elements:
        columns[element.name], start = _binary_element(element, body, start, order)
    if start != len(body):
        raise ValueError(f"the header promises {start} bytes of data, got {len(body)}")
    return columns


def _binary_element(element: _Element, body: bytes, start: int, order: str) -> tuple[dict[str, Column], int]:
    """Columns of an element and where the next begins: all rows at once where their lists are equally long."""
    if not element.num_rows:
        return {prop.name: [] for prop in element.properties}, start
    _, sizes = _binary_row(element, body, start, order)
    fields: list[tuple] = []
    for k, (prop, size) in enumerate(zip(element.properties, sizes)):
        if prop.count_kind:
            fields.append((f"count{k}", order + prop.count_kind))
        fields.append((f"value{k}", order + prop.kind, (size,)))
    dtype = np.dtype(fields)
    end = start + element.num_rows * dtype.itemsize
    if end <= len(body):
        rows = np.frombuffer(body, dtype, element.num_rows, start)
        if all((rows[f"count{k}"] == sizes[k]).all() for k, prop in enumerate(element.properties) if prop.count_kind):
            return {
                prop.name: rows[f"value{k}"] if prop.count_kind else rows[f"value{k}"][:, 0]
                for k, prop in enumerate(element.properties)
            }, end
    table: list[list[NDArray]] = []
    for _ in range(element.num_rows):
        start, _ = _binary_row(element, body, start, order, table)
    return {prop.name: [row[k] for row in table] for k, prop in enumerate(element.properties)}, start


def _binary_row(
    element: _Element, body: bytes, start: int, order: str, table: list[list[NDArray]] | None = None
) -> tuple[int, list[int]]:
    """Where the next row begins, and how many values each property has; the values go to the table."""
    row, sizes = [], []
    for prop in element.properties:
        size = 1
        if prop.count_kind:
            size = int(_values(body, order + prop.count_kind, 1, start, element)[0])
            start += np.dtype(prop.count_kind).itemsize
        row.append(_values(body, order + prop.kind, size, start, element))
        start += row[-1].nbytes
        sizes.append(size)
    if table is not None:
        table.append(row)
    return start, sizes


def _values(body: bytes, kind: str, count: int, start: int, element: _Element) -> NDArray:
    dtype = np.dtype(kind)
    if count < 0 or start + count * dtype.itemsize > len(body):
        raise ValueError(f"the data end within the {element.num_rows} rows of element {element.name} (truncated?)")
    return np.frombuffer(body, dtype, count, start)


def _triangles(corners: Column, pos: NDArray[np.float64]) -> NDArray[np.int64]:
    if isinstance(corners, np.ndarray) and corners.shape[1] == 3 and corners.dtype.kind in "iu":
        face = corners.astype(np.int64)
        if not ((face < 0) | (face >= len(pos))).any():
            return face
    polygons: list[list[int]] = []
    for number, polygon in enumerate(corners):
        given = np.asarray(polygon).tolist()
        if len(given) < 3:
            raise ValueError(f"face {number}: a face wants at least three vertices, got {len(given)}")
        if any(index % 1 for index in given):  # NaN too
            raise ValueError(f"face {number}: vertex numbers must be whole, got {given}")
        polygons.append([int(index) for index in given])
    return triangulate(polygons, range(len(polygons)), pos, first=0, place="face")
