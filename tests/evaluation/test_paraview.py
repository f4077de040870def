"""Export to ParaView, read back with VTK: every array bit for bit, every time, moving and periodic meshes, networks."""

from __future__ import annotations

import errno
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import MeshRecord, TrajectoryBlock
from pdgn.evaluation import export_folder
from pdgn.evaluation.drawn_mesh import drawn_mesh
from pdgn.evaluation.paraview import export_paraview
from pdgn.evaluation.vtp import Cells, polydata
from pdgn.mesh import grid, icosphere
from tests.data.dummy import dummy_writer, write_dummy
from tests.data.showcase import FIELDS, SOURCES, blocks, records, write_showcase

numpy_support = pytest.importorskip("vtkmodules.util.numpy_support", reason="needs vtk: pip install vtk")


def read(path: Path):
    """A .vtp file as VTK reads it."""
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(path))
    failures: list[str] = []
    reader.AddObserver("ErrorEvent", lambda *_: failures.append(str(path)))
    reader.Update()
    assert not failures
    return reader.GetOutput()


def array(attributes, name: str) -> np.ndarray:
    values = attributes.GetAbstractArray(name)
    assert values is not None, (name, [attributes.GetArrayName(k) for k in range(attributes.GetNumberOfArrays())])
    return numpy_support.vtk_to_numpy(values)


def names(attributes) -> set[str]:
    return {attributes.GetArrayName(number) for number in range(attributes.GetNumberOfArrays())}


def cells(section) -> np.ndarray:
    offsets = numpy_support.vtk_to_numpy(section.GetOffsetsArray())
    connectivity = numpy_support.vtk_to_numpy(section.GetConnectivityArray())
    assert len(set(np.diff(offsets))) <= 1
    return connectivity.reshape(len(offsets) - 1, -1)


def same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def animation(path: Path) -> list[tuple[float, Path]]:
    """(time, file) of every frame of a .pvd file."""
    root = ElementTree.parse(path).getroot()
    assert root.attrib["type"] == "Collection"
    return [(float(entry.attrib["timestep"]), path.parent / entry.attrib["file"]) for entry in root.iter("DataSet")]


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_showcase(tmp_path_factory.mktemp("export") / "showcase.h5")


@pytest.fixture(scope="module")
def exported(showcase: Path) -> Path:
    export_paraview(showcase, showcase.parent / "out")
    return showcase.parent / "out"


@pytest.fixture(scope="module")
def stored() -> tuple[dict[str, MeshRecord], dict[str, TrajectoryBlock]]:
    made = records()
    return made, {block.mesh: block for block in blocks(made)}


def test_every_trajectory_is_an_animation_at_its_own_times(exported: Path, stored) -> None:
    made, block = stored
    assert {path.stem for path in exported.glob("*.pvd")} == {f"{mesh}_{row}" for mesh in made for row in range(3)}
    for mesh in made:
        for row in range(3):
            times = [time for time, _ in animation(exported / f"{mesh}_{row}.pvd")]
            offset, length = ((0.0, 10.0, 20.0)[row], (5, 3, 4)[row]) if mesh == "stations" else (0.0, 5)
            assert times == [float(time) for time in block[mesh].time[:length] + offset]  # the same float64


@pytest.mark.parametrize("mesh", ["pair", "moving", "stations"])
def test_every_array_of_every_frame_is_what_was_stored(exported: Path, stored, mesh: str) -> None:
    record, block = stored[0][mesh], stored[1][mesh]
    for row in range(3):
        for frame, (_, path) in enumerate(animation(exported / f"{mesh}_{row}.pvd")):
            shown = read(path)
            points, data = shown.GetPoints().GetData(), shown.GetPointData()
            pos = block.fields["pos"][row, frame] if mesh == "moving" else record.pos
            assert same(numpy_support.vtk_to_numpy(points), pos)
            assert same(array(data, "u"), block.fields["u"][row, frame, :, 0])
            assert same(array(data, "flow"), block.fields["flow"][row, frame])
            assert same(array(data, "velocity"), block.parameters["velocity"][row])
            assert array(shown.GetFieldData(), "kappa")[0] == block.parameters["kappa"][row]
            for name, values in block.mask.items():
                assert same(array(data, f"observed_{name}"), values[row, frame].astype(np.uint8))
            for name, values in record.node.items():
                wanted = values.astype(np.uint8) if values.dtype == np.bool_ else values
                assert same(array(data, name), wanted)
            expected = {"u", "flow", "velocity", *record.node, *(f"observed_{name}" for name in block.mask)}
            expected |= {f"geodesic_{m}_from_{s}" for m in record.geodesic if m != "sources" for s in SOURCES}
            expected |= {f"signed_distance_{name}" for name in record.curves}
            assert names(data) == expected
            assert data.GetScalars().GetName() == "u"


def test_cells_are_the_faces_or_the_sensors_with_every_edge_once(exported: Path, stored) -> None:
    surface = read(exported / "pair_0" / "frame_0.vtp")
    assert np.array_equal(cells(surface.GetPolys()), stored[0]["pair"].face)
    assert surface.GetNumberOfCells() == len(stored[0]["pair"].face)
    network, record = read(exported / "stations_2" / "frame_1.vtp"), stored[0]["stations"]
    assert cells(network.GetVerts()).tolist() == [[node] for node in range(30)]
    assert {tuple(pair) for pair in cells(network.GetLines())} == {
        tuple(sorted(pair)) for pair in record.edge_index.T.tolist()
    }
    assert network.GetNumberOfCells() == 30 + record.num_edges // 2


def test_geodesic_distances_keep_their_bits_and_infinity_is_nan_so_that_colours_have_a_range(exported, stored) -> None:
    data = read(exported / "pair_1" / "frame_3.vtp").GetPointData()
    for method in ("exact", "heat"):
        for row, source in enumerate(SOURCES):
            wanted, shown = stored[0]["pair"].geodesic[method][row], array(data, f"geodesic_{method}_from_{source}")
            reached = np.isfinite(wanted)
            assert reached.sum() == 42 and same(shown[reached], wanted[reached]) and np.isnan(shown[~reached]).all()
            assert data.GetArray(f"geodesic_{method}_from_{source}").GetRange() == (0.0, wanted[reached].max())


def test_a_curve_is_a_closed_line_and_its_signed_distance_lies_on_the_mesh(exported: Path, stored) -> None:
    record = stored[0]["pair"]
    belt = record.curves["belt"]
    shown = read(exported / "pair.curve.belt.vtp")
    points = numpy_support.vtk_to_numpy(shown.GetPoints().GetData())
    assert np.allclose(points[:, 2], 0.2, rtol=0, atol=1e-15)  # the plane of the level set: rounding of numbers below 1
    corners = record.pos[record.face[belt.face]]
    assert np.allclose(points, (belt.barycentric[:, :, None] * corners).sum(1), rtol=0, atol=1e-15)
    count = len(belt.face)
    assert cells(shown.GetLines()).tolist() == [[*range(count), 0]] and shown.GetNumberOfCells() == 1
    distance = array(read(exported / "pair_0" / "frame_0.vtp").GetPointData(), "signed_distance_belt")
    reached = np.isfinite(belt.signed_distance)
    assert same(distance[reached], belt.signed_distance[reached]) and reached.sum() == 42
    assert np.isnan(distance[~reached]).all() and distance[reached].min() < 0 < distance[reached].max()


def test_units_travel_with_the_arrays(exported: Path) -> None:
    from vtkmodules.vtkCommonCore import vtkDataArray

    shown = read(exported / "pair_0" / "frame_0.vtp")
    data = shown.GetPointData()
    units = {name: data.GetAbstractArray(name).GetInformation().Get(vtkDataArray.UNITS_LABEL()) for name in names(data)}
    assert units["u"] == FIELDS["u"]["unit"] and units["flow"] == "m/s"
    assert units["geodesic_exact_from_0"] == "m" and units["velocity"] is None


def test_a_periodic_mesh_is_drawn_without_faces_across_the_domain(exported: Path, stored) -> None:
    """On a 3 × 2 torus of 6 × 5 vertices a further column and row of points show the nodes of the first ones."""
    record, block = stored[0]["plane"], stored[1]["plane"]
    shown = read(exported / "plane_1" / "frame_2.vtp")
    pos, face = numpy_support.vtk_to_numpy(shown.GetPoints().GetData()), cells(shown.GetPolys())
    first, second, third = pos[face[:, 0]], pos[face[:, 1]], pos[face[:, 2]]
    area = np.cross(second - first, third - first)[:, 2] / 2
    assert np.allclose(area, 3.0 * 2.0 / 60, rtol=1e-12)  # each of 60 triangles its own share, none of them flipped
    node = drawn_mesh(record).node
    assert node[:30].tolist() == list(range(30)) and np.array_equal(node[face], record.face)
    turns = (pos - record.pos[node]) / [3.0, 2.0, 1.0]
    assert np.allclose(turns, np.round(turns)) and len(np.unique(pos.round(9), axis=0)) == len(pos)
    assert same(array(shown.GetPointData(), "u"), block.fields["u"][1, 2, node, 0])


def test_a_selection_is_exported_and_a_wrong_one_named(showcase: Path, tmp_path: Path) -> None:
    files = export_paraview(showcase, tmp_path / "a", meshes=["moving", "pair"], rows=[0, 2], splits=["test"])
    wanted = ["pair.curve.belt.vtp", "moving_2.pvd", "pair_2.pvd"]
    assert [path.name for path in files] == wanted
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"moving_2", "pair_2", *wanted}
    for options, message in (
        ({"meshes": ["par"]}, r"showcase\.h5: wanted one of the meshes moving, pair, plane, stations, got 'par'"),
        ({"rows": [3]}, r"wanted trajectories in \[0, 3\), got 3"),
        ({"rows": [-1]}, r"wanted trajectories in \[0, 3\), got -1"),
        ({"splits": ["dev"]}, "split: wanted one of train, valid, test, got 'dev'"),
        ({"rows": [0], "splits": ["test"]}, "wanted trajectories to export, the selection has none"),
    ):
        with pytest.raises(ValueError, match=message):
            export_paraview(showcase, tmp_path / "b", **options)
    assert not (tmp_path / "b").exists()


def test_a_mesh_without_trajectories_is_a_file_of_its_own(tmp_path: Path) -> None:
    still, moved = icosphere(0), MeshRecord.from_mesh(icosphere(0))
    with dummy_writer(tmp_path / "two.h5") as writer:
        writer.write_mesh("still", MeshRecord.from_mesh(still, unit="m", node={"u": np.arange(12)}))
        writer.write_mesh("moved", MeshRecord.from_mesh(icosphere(0), unit="m", node={"u": np.arange(12)}))
        fields = {"u": np.ones((1, 1, moved.num_nodes, 1), dtype=np.float32)}
        parameters = {"u": np.full((1, 12, 2, 2), 3.0)}
        writer.write_block(TrajectoryBlock("moved", 0, np.zeros(1), fields, {}, parameters, ("test",)))
        writer.finish()
    files = export_paraview(tmp_path / "two.h5", tmp_path / "out")
    assert [path.name for path in files] == ["still.vtp", "moved_0.pvd"]
    data = read(tmp_path / "out" / "still.vtp").GetPointData()
    assert same(array(data, "u"), np.arange(12))
    data = read(tmp_path / "out" / "moved_0" / "frame_0.vtp").GetPointData()  # three arrays of one name
    assert same(array(data, "u"), np.ones(12, dtype=np.float32)) and same(array(data, "node_u"), np.arange(12))
    assert same(array(data, "parameter_u"), np.full((12, 4), 3.0))


def test_two_things_that_would_share_a_file_are_refused(tmp_path: Path, stored) -> None:
    with dummy_writer(tmp_path / "odd.h5", field_attributes=FIELDS) as writer:
        writer.write_mesh("pair", stored[0]["pair"])
        writer.write_mesh("pair.curve.belt", stored[0]["moving"])
        writer.write_block(stored[1]["pair"])
        writer.finish()
    with pytest.raises(ValueError, match=r"wanted names that make different files, got pair\.curve\.belt\.vtp twice"):
        export_paraview(tmp_path / "odd.h5", tmp_path / "out")
    assert len(export_paraview(tmp_path / "odd.h5", tmp_path / "out", meshes=["pair"])) == 4


def test_nothing_is_replaced_unless_told_so_and_nothing_foreign_ever(tmp_path: Path) -> None:
    data, out = write_dummy(tmp_path / "dummy.h5", frames=3), tmp_path / "out"
    export_paraview(data, out, meshes=["square"], rows=[0])
    before = (out / "square_0" / "frame_1.vtp").read_bytes()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"square_0: exists; give --overwrite to replace it"):
        export_paraview(data, out, meshes=["square"], rows=[0])
    (out / "square_0" / "frame_1.vtp").write_bytes(b"old")
    (out / "square_0" / "frame_9.vtp").write_bytes(b"of a longer trajectory")
    export_paraview(data, out, meshes=["square"], rows=[0], overwrite=True)
    assert (out / "square_0" / "frame_1.vtp").read_bytes() == before and not (out / "square_0" / "frame_9.vtp").exists()
    (out / "square_0" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="wanted a folder of frames to replace, but it holds mine.txt"):
        export_paraview(data, out, meshes=["square"], rows=[0], overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", "square_0", "square_0.pvd"]


def test_a_full_disk_or_an_interruption_leaves_nothing_and_a_killed_export_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, writes = write_dummy(tmp_path / "dummy.h5", frames=3), tmp_path / "out", []
    write_bytes = Path.write_bytes

    def fail(error: BaseException):
        def write(path: Path, content: bytes) -> int:
            writes.append(path)
            if len(writes) % 5 == 0:
                write_bytes(path, content[:10])
                raise error
            return write_bytes(path, content)

        return write

    full = OSError(errno.ENOSPC, "No space left on device")
    for error, message in (
        (full, "cannot write .*out: no space left on the disk; nothing of this export was kept"),
        (KeyboardInterrupt(), ""),
    ):
        monkeypatch.setattr(Path, "write_bytes", fail(error))
        with pytest.raises(type(error), match=message):
            export_paraview(data, out)
        assert not out.exists()
    monkeypatch.undo()
    (out / export_folder._STAGE / "square_0").mkdir(parents=True)
    (out / export_folder._STAGE / "square_0" / "frame_0.vtp").write_bytes(b"half")
    export_paraview(data, out, meshes=["square"], rows=[1])
    assert sorted(path.name for path in out.iterdir()) == ["square_1", "square_1.pvd"]


def test_damage_in_the_file_leaves_nothing(showcase: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copy(showcase, path)
    with h5py.File(path) as file:
        position = file["trajectories/pair/fields/u"].id.get_chunk_info(2).byte_offset + 5
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)
    with pytest.raises(OSError, match="/trajectories/pair/fields/u: cannot be read, checksum failure"):
        export_paraview(path, tmp_path / "out", meshes=["pair"])
    assert not (tmp_path / "out").exists()


def test_every_dtype_is_read_back_and_others_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    mesh = grid(3, 3)
    wanted = {
        code: rng.integers(0, 100, (9, 2)).astype(code) for code in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
    }
    wanted |= {code: rng.normal(size=9).astype(code) for code in ("f4", "f8")}
    big = wanted | {
        "f8": wanted["f8"].astype(">f8"),
        "a < \"b\" & 'c'": np.array([np.nan, np.inf, -np.inf, -0.0, *range(5)]),
    }
    (tmp_path / "a.vtp").write_bytes(polydata(mesh.pos, Cells(polys=mesh.face), big, {}, {"f8": "m²/s & <k>"}))
    data = read(tmp_path / "a.vtp").GetPointData()
    for name, values in wanted.items():
        assert same(array(data, name), values), name
    assert same(array(data, "a < \"b\" & 'c'"), big["a < \"b\" & 'c'"])
    with pytest.raises(ValueError, match="c: wanted integers, bool, float32 or float64, got complex128"):
        polydata(mesh.pos, Cells(), {"c": np.ones(9, dtype=complex)}, {}, {})
    with pytest.raises(ValueError, match=r"d: wanted \[9\] or \[9, c\], one row per point, got \(8,\)"):
        polydata(mesh.pos, Cells(), {"d": np.ones(8)}, {}, {})
