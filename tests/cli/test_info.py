"""`pdgn info`: what it tells is what is stored, and its recipe makes the same file."""

from __future__ import annotations

import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.families import families
from pdgn.cli.info import report, size, span
from pdgn.cli.main import main
from pdgn.data import open_file
from pdgn.data.contents import contents
from pdgn.data.schema import set_attributes
from pdgn.mesh import icosphere, write_mesh
from tests.cli.test_user_meshes import SLITS, slit_torus
from tests.data.dummy import arrays, assert_same, write_dummy
from tests.data.showcase import write_showcase

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_showcase(tmp_path_factory.mktemp("info") / "showcase.h5")


def test_contents_are_what_the_arrays_say(showcase: Path) -> None:
    found = contents(showcase)
    with open_file(showcase) as file:
        for mesh in found.meshes:
            record = file.record(mesh.name)
            assert (mesh.nodes, mesh.edges, mesh.unit) == (record.num_nodes, record.num_edges, record.unit)
            assert mesh.period == record.period and set(mesh.node) == set(record.node)
        for entry in found.trajectories:
            table = file.trajectories(entry.mesh)
            assert table is not None and sum(entry.splits) == len(table.split)
            assert (entry.time[0], entry.time[1]) == (table.time[0], table.time[-1])
            assert {name: field.shape[0] for name, field in entry.fields.items()} == {
                name: channels for name, (channels, _) in table.fields.items()
            }
    pair = next(mesh for mesh in found.meshes if mesh.name == "pair")
    assert pair.euler_characteristic == 4 and pair.boundary == 0 and pair.sources == 2  # two spheres
    plane = next(mesh for mesh in found.meshes if mesh.name == "plane")
    assert plane.euler_characteristic == 0 and plane.area == pytest.approx(6.0, rel=1e-12)  # a torus of 3 × 2
    stations = next(entry for entry in found.trajectories if entry.mesh == "stations")
    assert (stations.shortest, stations.frames) == (3, 5) and stations.fields["u"].masked
    with h5py.File(showcase) as file:
        total = 0

        def add(_: str, item: h5py.Group | h5py.Dataset) -> None:
            nonlocal total
            total += item.id.get_storage_size() if isinstance(item, h5py.Dataset) else 0

        file.visititems(add)
    assert sum(found.stored.values()) == total and all(found.stored.values())


def test_the_report_tells_of_everything(showcase: Path) -> None:
    text = "\n".join(report(showcase, contents(showcase)))
    for line in (
        r"showcase (schema 1.0,", "seed 3", "4 meshes (unit of length: m)", "closed, χ = 4", "χ = 0, periodic 3 × 2 m",
        "sensor network", "geodesic distances of pair: exact (pygeodesic ", "heat (potpourri3d ", "from 2 sources",
        "curves of pair: belt (",
        "12 trajectories", "3–5", "0.1 s", "0 … 0.4 s", "  node arrays of moving, plane: boundary, mass, normal\n",
        "  u: [V, 1], float32, K, u_t = div(κ grad u) & more, boundary: neumann (on moving, pair, plane)\n",
        "  flow: [V, 3], float64, m/s, with a mask (on stations)\n", "  pos: [V, 3], float64, m, x_t = −2Hn",
        "  kappa: number, float64\n", "  velocity: [V, 3], float64\n",
        "Not made from a recipe of pdgn generate",
    ):  # fmt: skip
        assert line in text, line


def test_like_meshes_are_one_line(tmp_path: Path) -> None:
    def kind(entry: tuple[str, int]) -> int:
        return entry[1]

    entries = [("a_10", 1), ("a_9", 1), ("b_1", 1), ("a_2", 2), ("a_x", 1), ("b_1_c", 1), ("b_2_c", 1)]
    assert families(entries, lambda entry: entry[0], kind) == {
        "a_9 … a_10 (2)": [("a_9", 1), ("a_10", 1)], "b_1": [("b_1", 1)], "a_2": [("a_2", 2)], "a_x": [("a_x", 1)],
        "b_1_c … b_2_c (2)": [("b_1_c", 1), ("b_2_c", 1)],
    }  # fmt: skip
    assert span([3, 5, None]) == "3–5" and span([2.0, 2.00001]) == "2" and span([None]) == "–"
    assert size(999) == "999 B" and size(1000) == "1.0 kB" and size(31_240_000) == "31.2 MB"


def test_the_printed_commands_make_the_same_arrays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "tiny.h5"
    assert (
        main(["generate", "--config", str(ROOT / "datasets/tiny.yaml"), "--output", str(first), "--workers", "1"]) == 0
    )
    lines = [line.strip() for line in report(first, contents(first)) if line.startswith("  pdgn ")]
    assert len(lines) == 2
    monkeypatch.chdir(tmp_path)
    for line in lines:
        command, _, target = line.partition(" > ")
        capsys.readouterr()
        assert main([*shlex.split(command)[1:], *([] if target else ["--workers", "1"])]) == 0
        if target:
            (tmp_path / target).write_text(capsys.readouterr().out)
    assert (tmp_path / "tiny.yaml").read_text().startswith("name: tiny\n")
    assert_same(arrays(first), arrays(tmp_path / "tiny-again.h5"))


def test_config_prints_the_recipe_alone_and_files_that_it_reads_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_dummy(tmp_path / "my data.h5")
    config = (
        "name: a\nmeshes:\n- {name: a, file: my/a.obj}\n"
        "stations: {stations: s.csv, readings: r.csv, field: t}\nlicense: ä\n"
    )
    with h5py.File(path, "r+") as file:
        set_attributes(file, {"config": config})
    assert main(["info", str(path), "--config"]) == 0
    assert capsys.readouterr().out == config
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "(reads my/a.obj, s.csv, r.csv: " in shown and f"pdgn info '{path}' --config > 'my data.yaml'" in shown


def test_files_that_are_no_datasets_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_dummy(tmp_path / "good.h5")
    (tmp_path / "cut.h5").write_bytes(good.read_bytes()[:-5000])
    (tmp_path / "text.h5").write_text("hello")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = np.ones(3)
    for name, message in (
        ("none.h5", "no such file"), ("cut.h5", "truncated HDF5 file"), ("text.h5", "not an HDF5 file"),
        ("foreign.h5", "not a pdgn dataset"),
    ):  # fmt: skip
        assert main(["info", str(tmp_path / name)]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and message in captured.err and captured.err.count("\n") == 1


def test_a_file_that_no_recipe_made_is_not_said_to_be_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_dummy(tmp_path / "a.h5")
    for config, recipe in (
        ("made_by: arr.py\n", False), ("name: a\nmade_by: arr.py\n", False), ("name: a\n", False),
        ("name: a\nmeshes: []\n", True), ("name: a\nstations: {readings: r.csv}\n", True),
    ):  # fmt: skip
        with h5py.File(path, "r+") as file:
            set_attributes(file, {"config": config})
        assert main(["info", str(path)]) == 0
        shown = capsys.readouterr().out
        assert ("pdgn generate --config" in shown) == recipe
        assert ("Not made from a recipe of pdgn generate; how it was made: pdgn info FILE --config" in shown) != recipe


def test_a_mesh_file_is_told_of_with_its_slits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(slit_torus(), tmp_path / "slit.obj")
    write_mesh(icosphere(2, radius=2.0), tmp_path / "ball.PLY")
    assert main(["info", str(tmp_path / "slit.obj")]) == 0
    shown = capsys.readouterr().out
    assert "slit.obj: 303 vertices, 576 faces\n" in shown and "15 boundary loops, Euler" in shown
    assert f"\n  {SLITS}" in shown
    assert main(["info", str(tmp_path / "ball.PLY")]) == 0
    shown = capsys.readouterr().out
    area = icosphere(2, radius=2.0).face_area.sum()
    assert "162 vertices, 320 faces" in shown and f"4 × 4 × 4, area {area:.6g}, edges of 0.5987" in shown
    assert "1 component, closed, Euler characteristic 2; no defects" in shown and "coincide" not in shown
    assert main(["info", "--config", str(tmp_path / "slit.obj")]) == 2
    assert "--config: wanted with a dataset, given with the mesh" in capsys.readouterr().err
    (tmp_path / "letter.obj").write_text("Dear Sir,\n")
    assert main(["info", str(tmp_path / "letter.obj")]) == 2 and main(["info", str(tmp_path / "no.obj")]) == 2
