from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import trimesh

from pdgn.mesh import TriMesh, bumpy_sphere, grid, icosphere, read_mesh, write_mesh

SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1.2345678901234567\n"
OFF = "OFF\n5 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n0 0 1.2345678901234567\n"
PLY = (
    "ply\nformat ascii 1.0\nelement vertex 5\nproperty double x\nproperty double y\nproperty double z\n"
    "element face 2\nproperty list uchar int vertex_indices\nend_header\n" + OFF.split("0\n", 1)[1]
)


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_mesh(path)


def binary_ply(polygons, order="<", extra_face="", tail=b""):
    kind = "little" if order == "<" else "big"
    header = (
        f"ply\nformat binary_{kind}_endian 1.0\ncomment made by a test\nelement vertex 5\nproperty double x\n"
        "property double y\nproperty double z\nproperty uchar red\n"
        f"element face {len(polygons)}\nproperty list uchar int vertex_index\n{extra_face}end_header\n"
    )
    rows = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1.2345678901234567]]
    body = b"".join(struct.pack(order + "3dB", *row, 7) for row in rows)
    body += b"".join(struct.pack(f"{order}B{len(p)}i", len(p), *p) + tail for p in polygons)
    return header.encode() + body


@pytest.mark.parametrize("extension", ["obj", "off", "ply", "OBJ"])
def test_float64_comes_back_bit_for_bit(tmp_path, rng, extension):
    mesh = bumpy_sphere(rng, 2)
    mesh = TriMesh(np.concatenate([mesh.pos * 1e-7 + 1 / 3, [[1e300, -0.0, 5e-324]]]), mesh.face)  # an isolated vertex
    write_mesh(mesh, tmp_path / f"mesh.{extension}")
    again = read_mesh(tmp_path / f"mesh.{extension}")
    assert again.pos.tobytes() == mesh.pos.tobytes()
    np.testing.assert_array_equal(again.face, mesh.face)


@pytest.mark.parametrize("extension", ["obj", "off", "ply", "stl"])
def test_another_library_reads_what_is_written(tmp_path, extension):
    mesh = icosphere(1)
    write_mesh(mesh, tmp_path / f"mesh.{extension}")
    other = trimesh.load(tmp_path / f"mesh.{extension}", process=False, maintain_order=True)
    # STL holds seven digits; the others all of them.
    np.testing.assert_allclose(other.triangles, mesh.corners, atol=1e-7 if extension == "stl" else 1e-15)


@pytest.mark.parametrize("extension", ["obj", "off", "ply", "stl"])
def test_what_another_library_writes_is_read(tmp_path, extension):
    mesh = icosphere(1)
    other = trimesh.Trimesh(mesh.pos, mesh.face, process=False)
    other.export(tmp_path / f"mesh.{extension}")
    again = read_mesh(tmp_path / f"mesh.{extension}")
    # It writes eight to ten decimals, and PLY and STL in float32.
    np.testing.assert_allclose(again.corners, mesh.corners, atol=1e-7)
    assert again.num_vertices == mesh.num_vertices


def test_stl_joins_the_corners_within_the_tolerance(tmp_path, rng):
    mesh = icosphere(2)
    write_mesh(mesh, tmp_path / "mesh.stl")
    again = read_mesh(tmp_path / "mesh.stl")
    assert again.num_vertices == mesh.num_vertices
    assert again.topology().describe() == mesh.topology().describe()
    np.testing.assert_array_equal(again.corners, mesh.corners.astype(np.float32))  # float32 is all the format has
    loose = again.corners + rng.uniform(-1e-7, 1e-7, again.corners.shape)
    facets = ["".join(f"vertex {x!r} {y!r} {z!r}\n" for x, y, z in corners) for corners in loose.tolist()]
    body = "".join(f"facet normal 0 0 0\nouter loop\n{facet}endloop\nendfacet\n" for facet in facets)
    assert read(tmp_path, "loose.stl", f"solid x\n{body}endsolid x\n").num_vertices == mesh.num_vertices
    assert read_mesh(tmp_path / "loose.stl", merge_tolerance=0.0).num_vertices == 3 * mesh.num_faces
    # A tolerance is relative: the same shape at another size gives the same mesh.
    write_mesh(TriMesh(1e-6 * mesh.pos, mesh.face), tmp_path / "small.stl")
    np.testing.assert_array_equal(read_mesh(tmp_path / "small.stl").face, again.face)


def test_binary_stl_that_begins_with_solid(tmp_path):
    write_mesh(grid(3, 3), tmp_path / "mesh.stl")
    content = (tmp_path / "mesh.stl").read_bytes()
    assert read(tmp_path, "solid.stl", b"solid" + content[5:]).num_vertices == 9


@pytest.mark.parametrize(
    "text, face",
    [
        ("f 1 2 3 4\nf 1 2 5\n", [[0, 1, 2], [0, 2, 3], [0, 1, 4]]),  # polygons, in the order of the file
        ("f -5 -4 -3\nv 9 9 9\nf -1 -2 1", [[0, 1, 2], [5, 4, 0]]),  # from the vertices read so far
        ("vt 0 0\nvt 1 0\nf 1/1 2/2 3/1\nf 1/2 3/1 4/2\n", [[0, 1, 2], [0, 2, 3]]),  # a seam splits nothing
        ("vn 0 0 1\nvn 0 1 0\nf 1//1 2//1 3//1\nf 1//2 3//2 4//1", [[0, 1, 2], [0, 2, 3]]),  # nor does a normal
        ("mtllib x\no a\ng b\nusemtl c\nf 1 2 3\ns 1\no d\nusemtl e\nf 1 3 4 # end", [[0, 1, 2], [0, 2, 3]]),
        ("f 1 2 \\\n 3\nl 1 2\np 1\n", [[0, 1, 2]]),
        ("f 1 1 2\nf 1 2 3\nf 1 2 3", [[0, 0, 1], [0, 1, 2], [0, 1, 2]]),  # defects are kept
    ],
)
def test_obj_keeps_every_vertex_and_face(tmp_path, text, face):
    mesh = read(tmp_path, "mesh.obj", SQUARE + text)
    assert mesh.num_vertices == 5 + text.count("v 9")
    assert mesh.face.tolist() == face
    assert mesh.pos[4, 2] == 1.2345678901234567


def test_obj_columns_after_the_position_are_left_out(tmp_path):
    mesh = read(tmp_path, "mesh.obj", "v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 1 1 0 1 0 0\nf 1 2 3\n")
    np.testing.assert_array_equal(mesh.pos, [[0, 0, 0], [1, 0, 0], [1, 1, 0]])


def test_lines_that_are_no_obj_are_left_out_aloud(tmp_path):
    with pytest.warns(UserWarning, match="2 lines are no OBJ and left out, the first is line 6"):
        mesh = read(tmp_path, "mesh.obj", SQUARE + "hello\nf 1 2 3\nV 1 2 3\n")
    assert mesh.num_vertices == 5


@pytest.mark.parametrize("name", ["spot", "cow", "homer", "cheburashka", "stanford-bunny"])
def test_real_files_keep_their_counts(shared_data, name):
    path = shared_data / "meshes" / f"{name}.obj"
    lines = path.read_text().splitlines()
    mesh = read_mesh(path)
    assert mesh.num_vertices == sum(line.startswith("v ") for line in lines)
    assert mesh.num_faces == sum(line.startswith("f ") for line in lines)  # all triangles
    positions = [line.split()[1:4] for line in lines if line.startswith("v ")]
    np.testing.assert_array_equal(mesh.pos, np.array(positions, dtype=np.float64))


@pytest.mark.parametrize(
    "name, content, face",
    [
        ("a.off", OFF + "4 0 1 2 3\n3 0 1 4 255 0 0\n", [[0, 1, 2], [0, 2, 3], [0, 1, 4]]),
        ("b.off", "COFF 3 1 0 # c\n\n# c\n0 0 0 1 1 1\n1 0 0 1 1 1\n0 1 0 1 1 1\n3 0 1 2", [[0, 1, 2]]),
        ("a.ply", PLY + "4 0 1 2 3\n3 0 1 4\n", [[0, 1, 2], [0, 2, 3], [0, 1, 4]]),
        ("b.ply", binary_ply([(0, 1, 2), (0, 1, 4)]), [[0, 1, 2], [0, 1, 4]]),
        ("c.ply", binary_ply([(0, 1, 2, 3), (0, 1, 4)]), [[0, 1, 2], [0, 2, 3], [0, 1, 4]]),
        ("d.ply", binary_ply([(0, 1, 2), (0, 1, 4, 3)], ">"), [[0, 1, 2], [0, 1, 4], [0, 4, 3]]),
        (
            "e.ply",  # texture coordinates at corners: a vertex stays one vertex
            binary_ply([(0, 1, 2), (0, 2, 3)], "<", "property list uchar float uv\n", struct.pack("<B2f", 2, 1, 2)),
            [[0, 1, 2], [0, 2, 3]],
        ),
    ],
)
def test_off_and_ply_variants(tmp_path, name, content, face):
    mesh = read(tmp_path, name, content)
    assert mesh.face.tolist() == face
    if mesh.num_vertices == 5:
        assert mesh.pos[4, 2] == 1.2345678901234567


STL = b"pdgn".ljust(80) + struct.pack("<I", 2) + bytes(100)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.obj", "", "is empty"),
        ("a.stl", b"", "is empty"),
        ("a.obj", SQUARE, "face is empty"),
        ("a.obj", SQUARE + "f 1 2 9\n", r"line 6: vertex numbers must lie in \[1, 6\), got \[1, 2, 9\]"),
        ("a.obj", SQUARE + "f 0 1 2\n", "line 6: vertex numbers of an OBJ file start at 1, got 0"),
        ("a.obj", SQUARE + "f -6 1 2\n", "line 6: -6 reaches back before the first of 5"),
        ("a.obj", SQUARE + "f 1 2\n", "line 6: f wants at least three vertices, got 2"),
        ("a.obj", SQUARE + "f 1 2 x\n", "line 6: f wants vertex numbers, got '1 2 x'"),
        ("a.obj", SQUARE + "v 1 2\n", "line 6: v wants three numbers, got 2"),
        ("a.obj", SQUARE + "v 1 2 a\n", "line 6: v wants three numbers, got '1 2 a'"),
        ("a.obj", SQUARE + "surf 0 1 0 1\n", "line 6: free-form surfaces"),
        ("a.obj", SQUARE.replace("1 1 0", "nan 1 0") + "f 1 2 3\n", "NaN or infinity at 1 vertices.*vertex 2"),
        ("a.off", OFF + "3 0 1 2\n", "promises 5 vertices and 2 faces, that is 7 lines, got 6"),
        ("a.off", OFF + "3 0 1 2\n3 0 1\n", "line 9: wanted 4 numbers, got 3"),
        ("a.off", OFF + "3 0 1 2\n3 0 1 9\n", r"line 9: vertex numbers must lie in \[0, 5\)"),
        ("a.off", OFF + "3 0 1 2\n2 0 1\n", "line 9: a face wants at least three"),
        ("a.off", "\x00garbage", "starts with OFF"),
        ("a.off", "OFF\n", "counts of vertices and faces are missing"),
        ("a.off", "OFF\n1 a 0\n", "line 2: wanted 2 numbers"),
        ("a.ply", PLY + "3 0 1 2\n", "promises 7 lines, got 6"),
        ("a.ply", PLY + "3 0 1 2\n3 0 1\n", "a face is too short: '3 0 1'"),
        ("a.ply", PLY + "3 0 1 2\n3 0 1 9\n", r"face 1: vertex numbers must lie in \[0, 5\)"),
        ("a.ply", PLY + "3 0 1 2\n3 0 1 1.5\n", "face 1: vertex numbers must be whole"),
        ("a.ply", PLY + "3 0 1 2\n2 0 1\n", "face 1: a face wants at least three"),
        ("a.ply", b"\x00\xff" * 40, "header from ply to end_header"),
        ("a.ply", PLY.replace("double x", "quaternion x"), "header line 'property quaternion x'"),
        ("a.ply", PLY.replace("double x", "double w") + "3 0 1 2\n3 0 1 4", "no element vertex with x, y and z"),
        ("a.ply", binary_ply([(0, 1, 2), (0, 1, 4)])[:-3], r"data end within the 2 rows of element face"),
        ("a.ply", binary_ply([(0, 1, 2), (0, 1, 4)]) + b"x", "bytes of data, got"),
        ("a.stl", STL[:-1], "promises 2 triangles, that is 184 bytes, got 183"),
        ("a.stl", STL + b"x", "promises 2 triangles, that is 184 bytes, got 185"),
        ("a.stl", b"garbage", "at least 84 bytes, got 7"),
        ("a.stl", b"solid\nendsolid\n", "holds no triangles"),
        ("a.stl", "solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\n", "1 facets and 2 vertices"),
        ("a.stl", "solid\nfacet\nvertex 0 0 0\nvertex 1 0 0\nvertex 1 0\nendsolid", "line 5: vertex wants three"),
        ("a.stl", "solid\nfacet\nvertex 0 0 0\nvertex 1 0 0\nvertex nan 0 0\nendsolid", "NaN or infinity"),
        ("a.xyz", "1 2 3", r"ends in one of .obj, .off, .ply, .stl, got '.xyz'"),
    ],
)
def test_bad_files_are_refused_in_one_line_that_names_the_file(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("extension", ["off", "ply", "stl"])
def test_a_file_cut_anywhere_is_never_a_smaller_mesh(tmp_path, extension):
    write_mesh(icosphere(0), tmp_path / f"mesh.{extension}")
    content = (tmp_path / f"mesh.{extension}").read_bytes()
    for length in range(0, len(content) - 3, 7):
        with pytest.raises(ValueError, match=r"mesh|cannot read"):
            read(tmp_path, f"cut.{extension}", content[:length])


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="mesh file .*none.obj does not exist"):
        read_mesh(tmp_path / "none.obj")
    (tmp_path / "folder.obj").mkdir()
    with pytest.raises(OSError, match="cannot read mesh file .*folder.obj: Is a directory"):
        read_mesh(tmp_path / "folder.obj")
    with pytest.raises(ValueError, match="merge_tolerance must be finite and at least 0, got -1"):
        read_mesh(tmp_path / "none.stl", merge_tolerance=-1)


@pytest.mark.parametrize("parent", ["none", "file"])
def test_a_place_that_cannot_be_written_gives_one_line(tmp_path, parent):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match=f"cannot write .*{parent}.mesh.obj: (No such file|Not a directory)"):
        write_mesh(icosphere(0), tmp_path / parent / "mesh.obj")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_gives_one_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match="cannot write .*mesh.obj: Permission denied"):
            write_mesh(icosphere(0), tmp_path / "mesh.obj")
    finally:
        tmp_path.chmod(0o700)


def test_a_failed_write_leaves_the_good_file(tmp_path, monkeypatch):
    path = tmp_path / "mesh.off"
    write_mesh(icosphere(0), path)
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot write .*mesh.off: No space left on device"):
        write_mesh(icosphere(1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_writing_refuses_what_a_file_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="no place for the period"):
        write_mesh(grid(3, 3, periodic=True), tmp_path / "mesh.obj")
    with pytest.raises(ValueError, match="ends in one of"):
        write_mesh(icosphere(0), tmp_path / "mesh.vtk")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.ply", PLY.replace("1 1 0\n", "1 1 0 9\n") + "3 0 1 2\n3 0 1 2\n", "a vertex is too long, wanted 3 numbers"),
        ("b.ply", PLY + "3 0 1 2 3\n3 0 1 2\n", "a face is too long, wanted 4 numbers"),
        ("c.ply", PLY + "3.0 0 1 2\n3 0 1 2\n", "a list wants its length, got '3.0'"),
        (
            "d.ply",
            PLY.replace("element face", "element tristrips") + "4 0 1 2 3\n3 0 1 2\n",
            "faces in tristrips are not",
        ),
        ("a.obj", SQUARE + f"f 1 2 {10**20}\n", r"line 6: vertex numbers must lie in \[1, 6\), got \[1, 2, 10+\]"),
        ("b.obj", "hello\nworld\n", "line 1 is no OBJ, nor are 1 others, and there are no vertices"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_nothing_is_dropped_in_silence(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=f"{name} as {name[-3:].upper()}: .*{message}"):
        read(tmp_path, name, content)


def test_stl_refuses_positions_beyond_its_type(tmp_path):
    write_mesh(icosphere(0), tmp_path / "mesh.stl")
    before = (tmp_path / "mesh.stl").read_bytes()
    with pytest.raises(ValueError, match=r"STL holds positions up to 3.4e\+38 \(float32\), got .*e\+39"):
        write_mesh(icosphere(0, radius=1e40), tmp_path / "mesh.stl")
    assert (tmp_path / "mesh.stl").read_bytes() == before


def test_text_stl_counts_the_vertices_of_every_facet(tmp_path):
    facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
    uneven = facet.replace("vertex 1 0 0\n", "") + facet.replace("endloop", "vertex 1 1 0\nendloop")  # six in all
    with pytest.raises(ValueError, match="line 8: the facet before this one must have three vertices"):
        read(tmp_path, "uneven.stl", f"solid a\n{uneven}endsolid a\n")
