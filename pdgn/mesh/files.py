"""Reading and writing meshes: OBJ, PLY, OFF and STL."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pdgn.mesh.obj import parse_obj
from pdgn.mesh.off import parse_off
from pdgn.mesh.ply import format_ply, parse_ply
from pdgn.mesh.stl import format_stl, parse_stl
from pdgn.mesh.tri_mesh import TriMesh

MESH_EXTENSIONS = (".obj", ".off", ".ply", ".stl")


def read_mesh(path: str | os.PathLike[str], *, merge_tolerance: float = 1e-6) -> TriMesh:
    """Read a triangle mesh; the extension names the format.

    Vertices and faces come in the order of the file, one vertex for each of the file's own: texture coordinates,
    normals, materials and groups neither split nor drop any. Polygons are cut into fans from their first corner, or,
    where they are not convex, by clipping ears. Nothing is repaired: `TriMesh.topology` tells what is wrong, `repair`
    mends it on request. OBJ, OFF and PLY keep float64. STL is float32 and has no shared vertices: they are joined.

    Args:
        path: file that ends in .obj, .off, .ply or .stl, in any case.
        merge_tolerance: STL only: corners nearer than this times the diagonal of the bounding box become one vertex.

    Returns:
        The mesh, without period.

    Raises:
        FileNotFoundError: where there is no such file.
        OSError: where it cannot be read.
        ValueError: where the format is another, the file is empty, truncated or garbled, an index is out of range, a
            position is not finite, or there are no faces. One line that names the file and, in text, the line.
    """
    file = Path(path)
    extension = _extension(file)
    if not (np.isfinite(merge_tolerance) and merge_tolerance >= 0):
        raise ValueError(f"merge_tolerance must be finite and at least 0, got {merge_tolerance}")
    content = _content(file)
    try:
        if extension == ".stl":
            return TriMesh(*parse_stl(content, merge_tolerance))
        if extension == ".ply":
            return TriMesh(*parse_ply(content))
        parse = parse_obj if extension == ".obj" else parse_off
        return TriMesh(*parse(content.decode("utf-8-sig", errors="replace")))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"cannot read {file} as {extension[1:].upper()}: {error}") from error


def write_mesh(mesh: TriMesh, path: str | os.PathLike[str]) -> None:
    """Write a triangle mesh; the extension names the format.

    OBJ and OFF are text with 17 significant digits and PLY is binary double, so float64 comes back bit for bit. STL is
    binary float32: about seven digits, no shared or isolated vertices. The file appears whole or not at all.

    Args:
        mesh: a mesh without period, which no format can hold.
        path: file that ends in .obj, .off, .ply or .stl; an existing one is replaced.

    Raises:
        ValueError: where the format is another, the mesh has a period, or STL cannot hold so large a position.
        OSError: where the file cannot be written; nothing is left behind.
    """
    file = Path(path)
    extension = _extension(file)
    if mesh.period is not None:
        raise ValueError(f"cannot write {file}: mesh files have no place for the period {mesh.period}")
    if extension == ".stl":
        content = format_stl(mesh.corners)
    elif extension == ".ply":
        content = format_ply(mesh.pos, mesh.face)
    elif extension == ".obj":
        content = (_rows("v %.17g %.17g %.17g", mesh.pos) + _rows("f %d %d %d", mesh.face + 1)).encode("ascii")
    else:
        counts = f"OFF\n{mesh.num_vertices} {mesh.num_faces} 0\n"
        content = (counts + _rows("%.17g %.17g %.17g", mesh.pos) + _rows("3 %d %d %d", mesh.face)).encode("ascii")
    _replace(file, content)


def _extension(file: Path) -> str:
    extension = file.suffix.lower()
    if extension not in MESH_EXTENSIONS:
        raise ValueError(f"{file}: a mesh file ends in one of {', '.join(MESH_EXTENSIONS)}, got {file.suffix!r}")
    return extension


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"mesh file {file} does not exist") from error
    except OSError as error:
        raise OSError(f"cannot read mesh file {file}: {error.strerror}") from error
    if not content.strip():
        raise ValueError(f"mesh file {file} is empty")
    return content


def _rows(template: str, values: NDArray) -> str:
    return "".join(f"{template}\n" % tuple(row) for row in values.tolist())


def _replace(file: Path, content: bytes) -> None:
    """Write a file beside the target, then move it there in one step."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        raise OSError(f"cannot write {file}: {error.strerror}") from error
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
