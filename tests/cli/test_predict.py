"""`pdgn predict`: files in, one file out, whole or not at all."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from pdgn.cli.main import main
from pdgn.cli.predict import Given, _on_repaired, read_observed
from pdgn.cli.user_meshes import OwnMesh
from pdgn.mesh import TriMesh, icosphere, repair, write_mesh
from pdgn.prediction import Predictor, load
from tests.evaluation.tiny import make_run


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a checkpoint, a mesh, observations and parameters."""
    folder = tmp_path_factory.mktemp("place")
    make_run(folder)
    write_mesh(icosphere(1), folder / "ball.ply")
    frames = 3.0 + np.random.default_rng(0).normal(size=(2, 42))
    np.save(folder / "observed.npy", frames)
    np.savez(folder / "parameters.npz", strength=np.array(2.0))
    return folder


def words(place: Path, output: Path, **changed: str) -> list[str]:
    options = {
        "checkpoint": place / "run" / "best.ckpt",
        "mesh": place / "ball.ply",
        "observed": place / "observed.npy",
        "parameters": place / "parameters.npz",
        "steps": 3,
        "output": output,
        **changed,
    }
    return ["predict", *(f"--{name}={value}" for name, value in options.items() if value is not None)]


def test_the_output_is_the_prediction_with_times_and_units(place, tmp_path, capsys):
    output = tmp_path / "out.npz"
    assert main(words(place, output)) == 0
    assert capsys.readouterr().out == f"{output}: 3 frames of u\n"
    expected = load(place / "run" / "best.ckpt").predict(
        place / "ball.ply", np.load(place / "observed.npy"), 3, parameters={"strength": 2.0}
    )
    with np.load(output) as result:
        np.testing.assert_allclose(result["prediction"], expected, rtol=1e-6)
        np.testing.assert_allclose(result["time"], [0.1, 0.2, 0.3], rtol=1e-6)
        assert (result["channel_names"].tolist(), result["channel_units"].tolist()) == (["u"], ["K"])
        assert str(result["time_unit"]) == "h"
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_all_kinds_of_files_say_the_same(place, tmp_path):
    frames = np.load(place / "observed.npy")
    frames[1, 3] = np.nan
    rows = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in frames]
    (tmp_path / "x.csv").write_text("\n".join(rows) + "\n")
    np.save(tmp_path / "x.npy", frames)
    np.savez(tmp_path / "x.npz", observed=frames, mask=np.isfinite(frames))
    for name in ("x.csv", "x.npy", "x.npz"):
        np.testing.assert_array_equal(read_observed(tmp_path / name)[0], frames)
    assert main(words(place, tmp_path / "out.npz", observed=tmp_path / "x.csv")) == 0
    assert main(words(place, tmp_path / "again.npz", observed=tmp_path / "x.npz")) == 0
    with np.load(tmp_path / "out.npz") as one, np.load(tmp_path / "again.npz") as two:
        np.testing.assert_array_equal(one["prediction"], two["prediction"])


def test_a_mesh_of_a_dataset_is_taken_by_name(place, tmp_path, capsys):
    assert main(words(place, tmp_path / "out.npz", mesh=f"{place / 'decay.h5'}:ball")) == 0
    assert main(words(place, tmp_path / "no.npz", mesh=f"{place / 'decay.h5'}:bell")) == 2
    assert "got 'bell'" in capsys.readouterr().err


def test_a_finished_output_is_kept_unless_overwrite_is_given(place, tmp_path, capsys):
    output = tmp_path / "out.npz"
    output.write_text("mine")
    assert main(words(place, output)) == 2
    assert "exists; give --overwrite to replace it" in capsys.readouterr().err and output.read_text() == "mine"
    assert main(words(place, output, observed=place / "ball.ply") + ["--overwrite"]) == 2
    assert output.read_text() == "mine"  # a mistake does not cost the old file
    assert main([*words(place, output), "--overwrite"]) == 0
    with np.load(output) as result:
        assert result["prediction"].shape == (3, 42, 1)
    (tmp_path / "folder.npz").mkdir()
    assert main([*words(place, tmp_path / "folder.npz"), "--overwrite"]) == 2
    assert "wanted the path of a file, given the folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.npz", "out.npz"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("no more"), OSError(28, "No space left")])
def test_a_prediction_that_ends_early_leaves_nothing(place, tmp_path, capsys, monkeypatch, error):
    def frames(self, *args, **kwargs):
        yield np.zeros((42, 1), dtype=np.float32)
        assert [path.name for path in tmp_path.iterdir()] == ["out.npz.tmp"]  # the first frame is being written
        raise error

    monkeypatch.setattr(Predictor, "frames", frames)
    assert main(words(place, tmp_path / "out.npz")) == (130 if isinstance(error, KeyboardInterrupt) else 2)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and (not isinstance(error, OSError) or f"{tmp_path / 'out.npz'}: No space left" in lines[0])
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_sees_how_far_it_is(place, tmp_path, monkeypatch):
    for terminal in (False, True):
        stream = io.StringIO()
        stream.isatty = lambda terminal=terminal: terminal
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(words(place, tmp_path / f"{terminal}.npz")) == 0
        assert ("predict: 100%" in stream.getvalue() and "3/3 frames" in stream.getvalue()) == terminal
        assert bool(stream.getvalue()) == terminal


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"output": "out.txt"}, "--output: wanted a file name ending in .npz, given 'out.txt'"),
        ({"output": "no/such/out.npz"}, "--output: wanted an existing folder, given no/such"),
        ({"observed": "missing.npy"}, "missing.npy"),
        ({"observed": "frames.txt"}, "--observed: wanted a .npy, .npz or .csv file, given frames.txt"),
        ({"parameters": None}, "parameters: wanted strength"),
        ({"mesh": "missing.obj"}, "missing.obj"),
        ({"steps": "many"}, "argument --steps: invalid int value: 'many'"),
        ({"output": "."}, "--output: wanted a file name ending in .npz"),
        ({"steps": "0"}, "steps: wanted an integer of at least 1, given 0"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(place, tmp_path, capsys, changed, message):
    assert main(words(place, **{"output": tmp_path / "out.npz", **changed})) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("pdgn: error: ") and message in error and "\n" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("x.csv", b"node,a\n1,2\n", "line 1: wanted numbers and no heading, given 'node'"),
        ("x.csv", b"1,2\n1\n", "line 2: wanted 2 cells as in line 1, given 1"),
        ("x.csv", b"\xff\xfe1,2", "x.csv: wanted a .csv file, given bytes that are no text"),
        ("x.npy", b"nothing", "wanted a .npy file of numbers"),
        ("x.npz", b"nothing", "wanted a .npz file of arrays"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_observed(tmp_path / name)


def test_objects_are_never_unpickled_and_arrays_must_be_named(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="wanted a .npy file of numbers"):
        read_observed(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(ValueError, match="wanted an array 'observed', given a, b"):
        read_observed(tmp_path / "x.npz")


def broken_ball() -> tuple[TriMesh, np.ndarray]:
    """The ball, its vertices shuffled, with one of no face, a copy of one along a slit, a face without area; and the
    vertex of the ball that each vertex is, -1 for that of no face."""
    ball, rng = icosphere(1), np.random.default_rng(3)
    copied = 7
    first = np.flatnonzero((ball.face == copied).any(axis=1))[0]
    face = np.array(ball.face)
    face[first] = np.where(face[first] == copied, 43, face[first])
    pos = np.concatenate([ball.pos, [[9.0, 9, 9]], ball.pos[copied : copied + 1]])
    face = np.concatenate([face[:10], [[0, 0, 1]], face[10:]])
    order = rng.permutation(44)
    return TriMesh(pos[order], np.argsort(order)[face]), np.concatenate([np.arange(42), [-1, copied]])[order]


def test_a_mesh_that_generate_repairs_is_repaired_in_the_same_way(place, tmp_path, capsys):
    mesh, vertex = broken_ball()
    write_mesh(mesh, tmp_path / "broken.obj")
    frames = np.load(place / "observed.npy")[:, vertex]
    mask = np.ones(frames.shape, dtype=bool)
    mask[0, vertex == 3] = False
    np.savez(tmp_path / "observed.npz", observed=frames, mask=mask)
    options = {"mesh": tmp_path / "broken.obj", "observed": tmp_path / "observed.npz"}
    assert main([*words(place, tmp_path / "out.npz", **options), "--weld"]) == 0
    shown = capsys.readouterr().out
    assert "mesh 'broken': 1 isolated removed; 1 vertices welded; 1 degenerate removed\n" in shown
    assert "observed and prediction are at the 44 vertices of the file, 1 NaN\n" in shown
    sound = np.ones((2, 42), dtype=bool)
    sound[0, 3] = False
    np.savez(tmp_path / "sound.npz", observed=np.load(place / "observed.npy"), mask=sound)
    assert main(words(place, tmp_path / "sound-out.npz", observed=tmp_path / "sound.npz")) == 0
    with np.load(tmp_path / "out.npz") as one, np.load(tmp_path / "sound-out.npz") as two:
        result, wanted = one["prediction"], two["prediction"]
    assert result.shape == (3, 44, 1) and np.isnan(result[:, vertex < 0]).all()
    # The same ball with its vertices and edges in another order: sums in float32.
    np.testing.assert_allclose(result[:, vertex >= 0], wanted[:, vertex[vertex >= 0]], atol=1e-4)


def test_observations_at_the_repaired_vertices_are_taken_too_and_others_refused(place, tmp_path, capsys):
    ball = icosphere(1)
    mesh = TriMesh(np.concatenate([[[9.0, 9, 9]], ball.pos]), ball.face + 1)
    write_mesh(mesh, tmp_path / "isolated.obj")
    assert main(words(place, tmp_path / "out.npz", mesh=tmp_path / "isolated.obj")) == 0
    assert main(words(place, tmp_path / "sound.npz")) == 0
    with np.load(tmp_path / "out.npz") as one, np.load(tmp_path / "sound.npz") as two:
        np.testing.assert_array_equal(one["prediction"], two["prediction"])
    np.save(tmp_path / "short.npy", np.ones((2, 41)))
    options = {"mesh": tmp_path / "isolated.obj", "observed": tmp_path / "short.npy"}
    assert main(words(place, tmp_path / "no.npz", **options)) == 2
    error = capsys.readouterr().err
    assert "observed: wanted [T0, 43, C], the vertices of " in error
    assert "or [T0, 42, C], those of it repaired, given [2, 41]" in error and not (tmp_path / "no.npz").exists()


def test_parameters_follow_the_vertices_and_faces_that_are_left():
    mesh, vertex = broken_ball()
    own = OwnMesh(mesh, *repair(mesh, weld=True, degenerate=True, isolated=True), [])
    parameters = {
        "flow": mesh.pos,
        "flow_faces": np.arange(81.0),
        "on_faces": np.arange(81.0),
        "strength": np.array(2.0),
    }
    given = _on_repaired(own, "x.obj", Given(own.mesh, np.tile(vertex, (2, 1)), None, parameters))
    np.testing.assert_array_equal(given.parameters["flow"], own.mesh.pos)
    np.testing.assert_array_equal(given.parameters["flow_faces"], own.report.face_source)
    np.testing.assert_array_equal(given.parameters["on_faces"], own.report.face_source)
    assert given.parameters["strength"] == 2.0 and sorted(given.observed[0]) == list(range(42))


def test_welding_is_for_mesh_files(place, tmp_path, capsys):
    assert main([*words(place, tmp_path / "out.npz", mesh=f"{place / 'decay.h5'}:ball"), "--weld"]) == 2
    assert "--weld: wanted with a mesh file, given with" in capsys.readouterr().err


@pytest.mark.parametrize("masked", [False, True])
def test_what_one_copy_of_a_vertex_did_not_report_another_may_have(masked):
    mesh, vertex = broken_ball()
    own = OwnMesh(mesh, *repair(mesh, weld=True, degenerate=True, isolated=True), [])
    frames = np.tile(vertex.astype(float), (3, 1))
    copies = np.flatnonzero(vertex == 7)
    mask = np.ones(frames.shape, dtype=bool)
    for frame, silent in enumerate(([copies[0]], [copies[1]], copies)):
        frames[frame, silent] = -5.0 if masked else np.nan
        mask[frame, silent] = False
    given = _on_repaired(own, "x.obj", Given(own.mesh, frames, mask if masked else None, None))
    place = own.report.vertex_target[copies[0]]
    assert given.observed[:2, place].tolist() == [7.0, 7.0]
    assert (given.mask[:, place].tolist() == [True, True, False]) if masked else np.isnan(given.observed[2, place])
    others = np.delete(np.arange(42), place)
    assert np.isfinite(given.observed[:, others]).all() and (not masked or given.mask[:, others].all())


def test_parameters_are_carried_wherever_the_observations_are():
    mesh, _ = broken_ball()
    own = OwnMesh(mesh, *repair(mesh, weld=True, degenerate=True, isolated=True), [])
    given = _on_repaired(own, "x.obj", Given(own.mesh, np.ones((2, 42)), None, {"flow": mesh.pos}))
    np.testing.assert_array_equal(given.parameters["flow"], own.mesh.pos)
    assert given.target is None
