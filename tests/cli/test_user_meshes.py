"""`--mesh`: any recipe on the user's own meshes, repaired, scaled, and refused where their topology does not do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.generate import build_parser, recipe_of
from pdgn.cli.main import main
from pdgn.cli.needs import require_topology
from pdgn.cli.recipe import Recipe
from pdgn.cli.user_meshes import on_meshes
from pdgn.data import check_file
from pdgn.mesh import TriMesh, grid, icosphere, torus, write_mesh

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "datasets").glob("*.yaml"))
TINY = str(ROOT / "datasets" / "tiny.yaml")


def recipe(name: str, *words: str) -> Recipe:
    path = str(ROOT / "datasets" / f"{name}.yaml")
    return recipe_of(build_parser().parse_args(["--config", path, "--output", "x.h5", *words]))


def three_components() -> TriMesh:
    """Three spheres apart, of 162, 42 and 162 vertices."""
    parts = [icosphere(2), icosphere(1, radius=0.5), icosphere(2, radius=0.7)]
    starts = np.cumsum([0, *(part.num_vertices for part in parts)])
    pos = np.concatenate([part.pos + np.array([3.0 * number, 0, 0]) for number, part in enumerate(parts)])
    return TriMesh(pos, np.concatenate([part.face + start for part, start in zip(parts, starts)]))


def spoilt() -> TriMesh:
    """Two tetrahedra that share a vertex, one of them inside out, and a vertex of no face."""
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [5, 5, 5]])
    out = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return TriMesh(corner.astype(float), np.concatenate([out, np.where(out == 0, 0, out + 3)]))


def test_a_mesh_takes_the_place_of_the_surfaces_and_their_area(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mesh(TriMesh(7 * icosphere(1).pos, icosphere(1).face), tmp_path / "my ball.obj")
    write_mesh(three_components(), tmp_path / "three.ply")
    files = [str(tmp_path / "my ball.obj"), str(tmp_path / "three.ply")]
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--mesh", *files]
    assert main(words, command="generate") == 0
    assert check_file(tmp_path / "x.h5") == []
    area = float(recipe_area("tiny"))
    shown, factor = capsys.readouterr().out, np.sqrt(49 * icosphere(1).face_area.sum() / area)
    size = f"scaled to the area of the recipe's first surface, {area:.6g}; length 1 = {factor:.6g} of my ball.obj"
    assert f"my_ball: {size} (--keep_size leaves it)\nthree: scaled" in shown
    with h5py.File(tmp_path / "x.h5") as file:
        assert sorted(file["meshes"]) == ["my_ball", "three"]
        for mesh in file["meshes"].values():
            np.testing.assert_allclose(mesh["node/mass"][()].sum(), area, rtol=1e-12)
        split = file["trajectories/three/split"][()].astype(str).tolist()
    assert split == ["train"] * 4 + ["valid"] * 2 + ["test"] * 2


def recipe_area(name: str) -> float:
    from pdgn.cli.surfaces import surface

    return float(surface(recipe(name), 0).face_area.sum())


def test_a_mesh_may_keep_its_size_and_the_file_can_be_made_again(tmp_path: Path) -> None:
    write_mesh(icosphere(1, radius=2.0), tmp_path / "ball.obj")
    words = ["--config", TINY, "--workers", "1", "--mesh", str(tmp_path / "ball.obj"), "--keep_size"]
    assert main([*words, "--output", str(tmp_path / "x.h5")], command="generate") == 0
    with h5py.File(tmp_path / "x.h5") as file:
        assert np.isclose(np.linalg.norm(file["meshes/ball/pos"][()], axis=1), 2.0).all()
        (tmp_path / "again.yaml").write_text(file.attrs["config"])
        states = file["trajectories/ball/fields/u"][()]
    again = ["--config", str(tmp_path / "again.yaml"), "--workers", "1", "--output", str(tmp_path / "y.h5")]
    assert main(again, command="generate") == 0
    with h5py.File(tmp_path / "y.h5") as file:
        np.testing.assert_array_equal(file["trajectories/ball/fields/u"][()], states)


def test_what_is_wrong_with_a_mesh_is_repaired_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(spoilt(), tmp_path / "spoilt.obj")
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--initial.modes", "3"]
    assert main([*words, "--mesh", str(tmp_path / "spoilt.obj")], command="generate") == 0
    shown = capsys.readouterr().out
    assert "mesh 'spoilt': 1 isolated removed; 1 vertices split" in shown
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["meshes/spoilt/pos"].shape == (8, 3)


def test_variants_of_a_users_mesh(tmp_path: Path) -> None:
    write_mesh(icosphere(3), tmp_path / "ball.obj")
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--variants", "[coarser]"]
    assert main([*words, "--mesh", str(tmp_path / "ball.obj")], command="generate") == 0
    with h5py.File(tmp_path / "x.h5") as file:
        assert sorted(file["meshes"]) == ["ball", "ball_coarser"]
        assert file["trajectories/ball_coarser/split"].attrs["by_resolution"].astype(str).tolist() == ["test"] * 2


def test_two_files_of_one_name_get_two_names(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_mesh(icosphere(0), tmp_path / folder / "ball.obj")
    files = [str(tmp_path / folder / "ball.obj") for folder in "aba"]
    assert [entry.name for entry in on_meshes(recipe("tiny"), files).recipe.meshes] == ["ball", "ball_1", "ball_2"]


def test_a_name_that_another_file_has_already_is_not_given_again(tmp_path: Path) -> None:
    for folder, stem in (("a", "ball_1"), ("a", "ball"), ("b", "ball"), ("b", "ball_1")):
        (tmp_path / folder).mkdir(exist_ok=True)
        write_mesh(icosphere(0), tmp_path / folder / f"{stem}.obj")
    files = [str(tmp_path / name) for name in ("a/ball_1.obj", "a/ball.obj", "b/ball.obj", "b/ball_1.obj")]
    names = [entry.name for entry in on_meshes(recipe("tiny"), files).recipe.meshes]
    assert names == ["ball_1", "ball", "ball_2", "ball_1_1"]


@pytest.mark.parametrize("words", [["--variants", "[coarser]"], ["--keep_size"], ["--weld"]])
def test_options_of_users_meshes_are_refused_without_one(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", TINY, "--output", str(tmp_path / "x.h5"), *words], command="generate") == 2
    assert f"pdgn: error: {words[0]}: wanted with --mesh FILE, given without" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "needs, mesh, message",
    [
        ("boundary: none", grid(4, 4), "needs a closed surface, but it has 1 boundary loop; fill its holes"),
        ("boundary: required", icosphere(1), "needs a surface with a boundary, but it is closed; cut it open"),
        ("components: 2", three_components(), "needs at most 2 connected components, but it has 3; take them one by"),
        ("manifold: true", spoilt(), "needs a manifold, but it has 0 non-manifold edges and 1 non-manifold vertices"),
        ("periodic: true", grid(4, 4), "needs the flat periodic square, but it has no period"),
        (
            "oriented: true",
            TriMesh(icosphere(0).pos, np.vstack([icosphere(0).face[1:], icosphere(0).face[:1, ::-1]])),
            "needs a consistent orientation, but faces disagree at 3 edges; set repair: [orientation] for it",
        ),
    ],
)
def test_another_topology_is_refused_in_one_line_before_anything_is_written(
    needs: str, mesh: TriMesh, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    write_mesh(mesh, tmp_path / "in" / "a.obj")
    meshes = f"[{{name: a, shape: file, file: {tmp_path / 'in' / 'a.obj'}, remove_isolated: true}}]"
    lines = Path(TINY).read_text() + f"needs: {{{needs}}}\n"
    (tmp_path / "in" / "r.yaml").write_text(lines)
    words = ["--config", str(tmp_path / "in" / "r.yaml"), "--output", str(tmp_path / "x.h5"), "--meshes", meshes]
    assert main(words, command="generate") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pdgn: error: mesh 'a': recipe 'tiny' needs ") and message in error
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_is_not_there_and_what_does_not_simulate_is_one_line() -> None:
    with pytest.raises(FileNotFoundError, match=r"--mesh: no file nowhere\.obj"):
        on_meshes(recipe("tiny"), ["nowhere.obj"])
    with pytest.raises(ValueError, match="--mesh: wanted a recipe that simulates on meshes, but 'stations' reads"):
        on_meshes(recipe("stations"), [str(ROOT / "README.md")])


def slit_torus() -> TriMesh:
    """A closed torus, 15 corners of which are on a copy of their vertex, no two of them neighbours."""
    mesh = torus(1.0, 0.4, 24, 12)
    vertex, face = np.arange(0, 285, 19), np.array(mesh.face)
    for number, old in enumerate(vertex):
        first = np.flatnonzero((face == old).any(axis=1))[0]
        face[first] = np.where(face[first] == old, mesh.num_vertices + number, face[first])
    return TriMesh(np.concatenate([mesh.pos, mesh.pos[vertex]]), face)


SLITS = "15 vertices coincide with others; the surface has 15 boundary loops, welded it has none; weld them if that is"


def test_slits_are_told_and_welded_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(slit_torus(), tmp_path / "slit.obj")
    words = ["--config", TINY, "--workers", "1", "--mesh", str(tmp_path / "slit.obj")]
    assert main([*words, "--output", str(tmp_path / "x.h5")], command="generate") == 0
    assert f"mesh 'slit': {SLITS}" in capsys.readouterr().out
    assert main([*words, "--weld", "--output", str(tmp_path / "y.h5")], command="generate") == 0
    shown = capsys.readouterr().out
    assert "mesh 'slit': 15 vertices welded\n" in shown and "coincide" not in shown
    with h5py.File(tmp_path / "x.h5") as open_, h5py.File(tmp_path / "y.h5") as closed:
        assert open_["meshes/slit/node/boundary"][()].any() and not closed["meshes/slit/node/boundary"][()].any()
        np.testing.assert_array_equal(closed["meshes/slit/face"][()], torus(1.0, 0.4, 24, 12).face)
        assert "- weld\n" in closed.attrs["config"] and "- weld\n" not in open_.attrs["config"]


@pytest.mark.parametrize("needs", ["boundary: none", "components: 1"])
def test_where_slits_are_in_the_way_the_advice_is_to_weld(
    needs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ball = icosphere(1)
    soup = TriMesh(ball.pos[ball.face].reshape(-1, 3), np.arange(ball.face.size).reshape(-1, 3))
    write_mesh(slit_torus() if "none" in needs else soup, tmp_path / "slit.obj")
    key, value = needs.split(": ")
    words = ["--config", TINY, "--workers", "1", "--mesh", str(tmp_path / "slit.obj"), f"--needs.{key}", value]
    assert main([*words, "--output", str(tmp_path / "x.h5")], command="generate") == 2
    error = capsys.readouterr().err
    assert "; weld them if that is not meant (--weld; in a recipe repair: [weld]" in error
    assert "fill its holes" not in error and "one by one" not in error
    assert main([*words, "--weld", "--output", str(tmp_path / "x.h5")], command="generate") == 0


def test_a_file_that_is_no_mesh_is_refused_before_anything_is_said_of_its_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.obj").write_text("Dear Sir,\n")
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--mesh", str(tmp_path / "letter.obj")]
    assert main(words, command="generate") == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "letter.obj as OBJ" in captured.err


def test_a_scaled_mesh_has_no_longer_the_unit_of_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(icosphere(1, radius=50.0), tmp_path / "ball.obj")
    words = ["--config", str(ROOT / "datasets" / "heat.yaml"), "--workers", "1", "--trajectories.frames", "2"]
    words += ["--initial.modes", "9", "--mesh", str(tmp_path / "ball.obj"), "--unit=mm"]
    factor = np.sqrt(icosphere(1, radius=50.0).face_area.sum() / 12.566)
    scaled = f"1 = {factor:.6g} mm of ball.obj"
    for name, more, unit, length in (("x", [], "1", scaled), ("y", ["--keep_size"], "mm", "")):
        assert main([*words, *more, "--output", str(tmp_path / f"{name}.h5")], command="generate") == 0
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert file["meshes/ball/pos"].attrs["unit"] == unit
            assert length in file.attrs["description"] and (not length or f"length {length}" in capsys.readouterr().out)
            diffusivity = file["trajectories/ball/parameters/diffusivity"].attrs["unit"]
        assert diffusivity == ("1/s" if unit == "1" else "mm^2/s")
    # A file whose unit nobody told is in that of the recipe, as its coefficients are.
    found = on_meshes(recipe("heat"), [str(tmp_path / "ball.obj")])
    assert found.recipe.unit == "m" and f"length 1 m = {factor:.6g} of ball.obj" in found.lines[0]


def test_the_description_names_the_given_meshes_unless_one_is_given(tmp_path: Path) -> None:
    for name in "abcdef":
        write_mesh(icosphere(1), tmp_path / f"{name}.obj")
    files = [str(tmp_path / f"{name}.obj") for name in "abcdef"]
    found = on_meshes(recipe("tiny"), files[:1], test_files=files[1:2], keep_size=True).recipe.description
    assert found == "The recipe 'tiny' on own meshes: a, b (test alone); at their own size."
    assert "a, b, c, d, 2 more; at" in on_meshes(recipe("tiny"), files, keep_size=True).recipe.description
    words = ["--config", TINY, "--workers", "1", "--mesh", files[0], "--description", "mine"]
    assert main([*words, "--output", str(tmp_path / "x.h5")], command="generate") == 0
    with h5py.File(tmp_path / "x.h5") as file:
        assert file.attrs["description"] == "mine"


def test_a_mesh_for_test_alone_is_never_trained_on(tmp_path: Path) -> None:
    write_mesh(icosphere(1), tmp_path / "a.obj")
    write_mesh(torus(1.0, 0.4, 9, 6), tmp_path / "b.obj")
    words = ["--config", TINY, "--workers", "1", "--output", str(tmp_path / "x.h5"), "--mesh", str(tmp_path / "a.obj")]
    assert main([*words, "--test_mesh", str(tmp_path / "b.obj")], command="generate") == 0
    with h5py.File(tmp_path / "x.h5") as file:
        splits = {name: table["split"][()].astype(str).tolist() for name, table in file["trajectories"].items()}
        assert splits == {"a": ["train"] * 4 + ["valid"] * 2 + ["test"] * 2, "b": ["test"] * 2}
        assert file["trajectories/b/split"].attrs["by_mesh"].astype(str).tolist() == ["test"] * 2
    with pytest.raises(FileNotFoundError, match=r"--test_mesh: no file nowhere\.obj"):
        on_meshes(recipe("tiny"), [], test_files=["nowhere.obj"])


def test_a_dataset_in_which_nothing_happens_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mesh(icosphere(2, radius=50.0), tmp_path / "ball.obj")
    words = ["--config", str(ROOT / "datasets" / "heat.yaml"), "--workers", "1", "--mesh", str(tmp_path / "ball.obj")]
    assert main([*words, "--keep_size", "--unit", "mm", "--output", str(tmp_path / "x.h5")], command="generate") == 0
    shown = capsys.readouterr().out
    assert "warning: mesh 'ball': the fields hardly change, by 0.00" in shown
    assert "the mesh is 173 mm across, diffusivity 0.05 mm^2/s, time 1 s; scale the mesh or change" in shown
    assert main([*words, "--output", str(tmp_path / "y.h5")], command="generate") == 0
    assert "hardly" not in capsys.readouterr().out


# Horns and legs of a cow are thinner than the displacement with which moving meshes start, and pinch off within two
# frames: those flows then end in one error, as they should. Curve shortening is explicit, and the smallest edges of the
# bunny ask for steps of 5e-6.
GENTLER = {
    "moving_surfaces": ["--initial.amplitude", "0.1", "--trajectories.dt", "1e-5"],
    "surface_diffusion": ["--initial.amplitude", "0.1", "--trajectories.dt", "1e-7"],
    "sixth_order_flow": ["--initial.amplitude", "0.1", "--trajectories.dt", "1e-7"],
    "curve_shortening": ["--trajectories.dt", "1e-4"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in RECIPES])
@pytest.mark.parametrize("mesh", ["cow", "stanford-bunny", "three"])
def test_real_meshes_run_through_every_recipe_that_allows_them(
    name: str, mesh: str, tmp_path: Path, shared_data: Path
) -> None:
    file = shared_data / "meshes" / f"{mesh}.obj" if mesh != "three" else tmp_path / "three.obj"
    if mesh == "three":
        write_mesh(three_components(), file)
    words = [sys.executable, "-m", "pdgn.cli.main", "generate", "--config", str(ROOT / "datasets" / f"{name}.yaml")]
    words += ["--output", str(tmp_path / "x.h5"), "--workers", "1", "--mesh", str(file), "--trajectories.frames", "3"]
    words += ["--trajectories.train", "1", "--trajectories.valid", "0", "--trajectories.test", "1"]
    words += GENTLER.get(name, [])
    # Exact distances from four sources take half a minute on the bunny.
    words += ["--geodesics.train", "1", "--geodesics.test", "1", "--curves", "1"] if name == "geodesics" else []
    ran = subprocess.run(words, capture_output=True, text=True, timeout=400)
    refusal = refused(on_meshes(recipe(name), [str(file)]).recipe if name != "stations" else None)
    if refusal:
        assert ran.returncode == 2 and ran.stderr.splitlines() == [f"pdgn: error: {refusal}"]
        assert not (tmp_path / "x.h5.partial").exists()
    else:
        assert ran.returncode == 0, ran.stderr
        assert check_file(tmp_path / "x.h5") == []


def refused(wanted: Recipe | None) -> str:
    """What a recipe says against its meshes, empty where it allows them; stations have no mesh."""
    if wanted is None:
        return "--mesh: wanted a recipe that simulates on meshes, but 'stations' reads the tables of stations"
    try:
        require_topology(wanted)
    except ValueError as refusal:
        return str(refusal)
    return ""
