"""Surfaces, networks and curves with their data as VTK's XML PolyData (.vtp), for ParaView.

The format is small and frozen, so it is written here: meshio does not write it, and VTK itself, which does, is half a
gigabyte. Arrays are appended raw and little-endian, each behind its length in bytes (UInt64), bit for bit as given.

Reference: "VTK XML File Formats", https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

import numpy as np

_TYPES = {
    "f4": "Float32", "f8": "Float64", "i1": "Int8", "i2": "Int16", "i4": "Int32", "i8": "Int64",
    "u1": "UInt8", "u2": "UInt16", "u4": "UInt32", "u8": "UInt64",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cells:
    """Vertices, lines and polygons over V points.

    Args:
        verts: [n] int64, points drawn as such.
        lines: polylines, [n, k] int64, all of k points.
        polys: polygons, [n, k] int64.
    """

    verts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    lines: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    polys: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))


def polydata(
    pos: np.ndarray,
    cells: Cells,
    point_data: Mapping[str, np.ndarray],
    field_data: Mapping[str, np.ndarray],
    units: Mapping[str, str],
) -> bytes:
    """The content of a .vtp file.

    Args:
        pos: [V, 3] float32 or float64.
        cells: what joins the points.
        point_data: name → [V] or [V, c] numbers or bool (written as UInt8); the first one is what is shown first.
        field_data: name → numbers of any shape that belong to no point.
        units: name of an array → unit; VTK knows it as UNITS_LABEL.

    Returns:
        Bytes.

    Raises:
        ValueError: an array of another length than V, or of a dtype that VTK does not have; the message names it.
    """
    for name, values in point_data.items():
        if values.ndim not in (1, 2) or len(values) != len(pos):
            raise ValueError(f"{name}: wanted [{len(pos)}] or [{len(pos)}, c], one row per point, got {values.shape}")
    appended = _Appended()
    sections = {"Verts": cells.verts[:, None], "Lines": cells.lines, "Strips": np.zeros((0, 3)), "Polys": cells.polys}
    counts = " ".join(f'NumberOf{name}="{len(rows)}"' for name, rows in sections.items())
    first = quoteattr(next(iter(point_data), ""))
    lines = [
        '<?xml version="1.0"?>',
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">',
        "<PolyData>",
        "<FieldData>",
        *(appended.add(name, values.reshape(-1), units, tuples=values.size) for name, values in field_data.items()),
        "</FieldData>",
        f'<Piece NumberOfPoints="{len(pos)}" {counts}>',
        f"<PointData Scalars={first}>" if point_data else "<PointData>",
        *(appended.add(name, values, units) for name, values in point_data.items()),
        "</PointData>",
        "<Points>",
        appended.add("Points", pos, units),
        "</Points>",
        *(line for name, rows in sections.items() for line in _cell_lines(name, rows, appended)),
        "</Piece>",
        "</PolyData>",
        '<AppendedData encoding="raw">',
    ]
    return b"".join(["\n".join(lines).encode(), b"\n_", *appended.pieces, b"\n</AppendedData>\n</VTKFile>\n"])


def collection(entries: Sequence[tuple[float, str]]) -> bytes:
    """The content of a .pvd file, which ParaView opens as an animation.

    Args:
        entries: (time, path of a .vtp file from the folder of the .pvd file).

    Returns:
        Bytes; a time reads back as the same float64.
    """
    lines = [f'<DataSet timestep="{time!r}" part="0" file={quoteattr(file)}/>' for time, file in entries]
    return "\n".join(
        [
            '<?xml version="1.0"?>',
            '<VTKFile type="Collection" version="0.1" byte_order="LittleEndian">',
            "<Collection>",
            *lines,
            "</Collection>",
            "</VTKFile>\n",
        ]
    ).encode()


class _Appended:
    """The binary tail of a file, and the line that points to each array in it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._offset = 0

    def add(self, name: str, values: np.ndarray, units: Mapping[str, str], *, tuples: int | None = None) -> str:
        """Appends an array.

        Returns:
            The element that describes it.
        """
        values = values.astype(np.uint8) if values.dtype == np.bool_ else values
        code = values.dtype.str[1:]
        if code not in _TYPES:
            raise ValueError(f"{name}: wanted integers, bool, float32 or float64, got {values.dtype}")
        data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
        shape = f'NumberOfComponents="{values.shape[1] if values.ndim == 2 else 1}"'
        shape += "" if tuples is None else f' NumberOfTuples="{tuples}"'
        label = (
            f'<DataArray type="{_TYPES[code]}" Name={quoteattr(name)} {shape} format="appended" offset="{self._offset}"'
        )
        self.pieces += [len(data).to_bytes(8, "little"), data]
        self._offset += 8 + len(data)
        if name not in units:
            return f"{label}/>"
        unit = quoteattr(units[name])[1:-1]
        return f'{label}><InformationKey name="UNITS_LABEL" location="vtkDataArray">{unit}</InformationKey></DataArray>'


def _cell_lines(name: str, rows: np.ndarray, appended: _Appended) -> Iterator[str]:
    """One section of cells: which points, and where the cells end."""
    # Half the size of int64, which VTK would take as well.
    kind = np.int32 if rows.size < 2**31 else np.int64
    yield f"<{name}>"
    yield appended.add("connectivity", rows.astype(kind).reshape(-1), {})
    yield appended.add("offsets", (rows.shape[1] * np.arange(1, len(rows) + 1)).astype(kind), {})
    yield f"</{name}>"
