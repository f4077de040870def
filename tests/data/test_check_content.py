"""What the schema promises beyond shapes: each promise is broken alone, checksums and hashes as a writer would."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import TrajectoryBlock, check_file
from tests.data.showcase import MESHES, write_showcase
from tests.data.test_check import damage, put, rehash, remove, replace

Change = Callable[[h5py.File], None]
PAIR, MOVING, SENSORS = "meshes/pair", "trajectories/moving", "trajectories/stations"


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_showcase(tmp_path_factory.mktemp("content") / "good.h5")


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, Path]:
    """A file with one mesh alone, for each mesh: quicker to check."""
    folder = tmp_path_factory.mktemp("small")
    return {mesh: write_showcase(folder / f"{mesh}.h5", meshes=(mesh,)) for mesh in MESHES}


def edit(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Put a function of an array in its place."""

    def apply(file: h5py.File) -> None:
        file[name][...] = change(file[name][...])

    return apply


def reverse_edges(file: h5py.File) -> None:
    """The reference Laplacian in the order of the opposite edges: every w_ij is the stored w_ji."""
    source, target = file[f"{PAIR}/edge_index"][...]
    weight, order = file[f"{PAIR}/edge/reference_laplacian"], np.lexsort((target, source))
    weight[...] = weight[...][order]


def repeat_an_edge(file: h5py.File) -> None:
    file[f"{PAIR}/edge_index"][:, 1] = file[f"{PAIR}/edge_index"][:, 0]


def lengthen_observation(file: h5py.File) -> None:
    """Call the padding of trajectory 1, frame 3 (it has 3 frames), of one node observed, with a value there."""
    file[f"{SENSORS}/fields/u"][1, 3, 0] = 280.0
    file[f"{SENSORS}/mask/u"][1, 3, 0] = True


def unpad(file: h5py.File) -> None:
    """Forget that frames are padding in trajectories without mask."""
    file[f"{MOVING}/parameters"].create_dataset("num_frames", data=np.array([5, 4, 5]), chunks=(3,), fletcher32=True)


def leave_out_a_chunk(file: h5py.File) -> None:
    values = file[f"{MOVING}/fields/u"]
    attributes, shape, chunks = dict(values.attrs), values.shape, values.chunks
    kept = values[0]
    del file[values.name]
    again = file.create_dataset(f"{MOVING}/fields/u", shape, "f4", chunks=chunks, fletcher32=True)
    again[0] = kept
    again.attrs.update(attributes)


def link(target: str) -> Change:
    def apply(file: h5py.File) -> None:
        del file[f"{PAIR}/node/zone"]
        file[f"{PAIR}/node/zone"] = h5py.SoftLink(target)

    return apply


def link_a_group_into_itself(file: h5py.File) -> None:
    file[f"{PAIR}/node/loop"] = file[PAIR]


def scheme(values: list[bytes]) -> Change:
    return rehash(f"{SENSORS}/split", by_mesh=np.array(values))


CASES = {
    "config is no YAML": (rehash("/", config="a: [1"), "/", "'config' to be YAML, but while parsing"),
    "config is a word": (rehash("/", config="word"), "/", "'config' to be YAML keys and values, got 'word'"),
    "config changed": (rehash("/", config="name: other"), "/", "'config_hash' to be that of the config, .*, got "),
    "seed below 0": (rehash("/", seed=-1), "/", "'seed' to be an integer of at least 0, got .*-1"),
    "seed no integer": (rehash("/", seed=0.5), "/", "'seed' to be an integer .*0.5"),
    "created without zone": (rehash("/", created="2026-01-31T12:00:00"), "/", "'created' to be a date in UTC"),
    "created elsewhere": (rehash("/", created="2026-01-31T12:00:00+01:00"), "/", "a date in UTC .*\\+01:00"),
    "no name": (rehash("/", name=" "), "/", "'name' to be text, got ' '"),
    "description a number": (rehash("/", description=3), "/", "'description' to be text, got .*3"),
    "name of an array": (
        lambda file: file.move(f"{PAIR}/node/zone", f"{PAIR}/node/the zone"),
        f"/{PAIR}/node/the zone",
        "a name of letters, digits",
    ),
    "link": (link("/meshes/pair/node/mass"), f"/{PAIR}/node/zone", "an array or group of this file, got a SoftLink"),
    "broken link": (link("/nowhere"), f"/{PAIR}/node/zone", "got a SoftLink"),
    "loop": (link_a_group_into_itself, f"/{PAIR}/node/loop", "wanted an array"),
    "chunk left out": (leave_out_a_chunk, f"/{MOVING}/fields/u", "every chunk of the array written, got 2 of 3 chunks"),
    "repeated edge": (repeat_an_edge, f"/{PAIR}/edge_index", "every edge once, got 1 again"),
    "vector": (edit(f"{PAIR}/edge/vector", np.negative), f"/{PAIR}/edge/vector", "wanted x_j − x_i"),
    "length": (put(f"{PAIR}/edge/length", 3, 0.5), f"/{PAIR}/edge/length", r"wanted \|x_j − x_i\|"),
    "length, periodic": (put("meshes/plane/edge/length", 0, 2.5), "/meshes/plane/edge/length", "wanted .x_j − x_i"),
    "weights permuted": (reverse_edges, f"/{PAIR}/edge/reference_laplacian", "m_i w_ij = m_j w_ji"),
    "weights per hop": (
        replace(f"{PAIR}/edge/reference_gradient", np.ones((480, 2))),
        f"/{PAIR}/edge/reference_gradient",
        r"wanted shape \[480\], got \[480, 2\]",
    ),
    "mass 0": (put("meshes/stations/node/mass", 2, 0.0), "/meshes/stations/node/mass", "30 positive numbers, .* 0.0"),
    "mass doubled": (edit(f"{PAIR}/node/mass", lambda m: 2 * m), f"/{PAIR}/node/mass", "add up to the area"),
    "normal": (edit(f"{PAIR}/node/normal", lambda n: 1.001 * n), f"/{PAIR}/node/normal", "wanted unit vectors"),
    "boundary": (put(f"{PAIR}/node/boundary", 0, True), f"/{PAIR}/node/boundary", "edges that belong to one face"),
    "period": (
        rehash("meshes/plane/pos", period=np.array([3.0, 2.0])), "/meshes/plane/pos", "'period' to be 3 finite lengths",
    ),
    "geodesic unit": (rehash(f"{PAIR}/geodesic/exact", unit="km"), f"/{PAIR}/geodesic/exact", "unit of pos, 'm', got"),
    "geodesic method": (rehash(f"{PAIR}/geodesic/exact", method="heat"), f"/{PAIR}/geodesic/exact", "to be 'exact'"),
    "distance NaN": (put(f"{PAIR}/geodesic/heat", (1, 3), np.nan), f"/{PAIR}/geodesic/heat", "1 NaN and 0 negative"),
    "distance at source": (
        edit(f"{PAIR}/geodesic/heat", lambda d: d + 0.1), f"/{PAIR}/geodesic/heat", "wanted 0 at the sources, got 0.1",
    ),
    "reachable infinite": (
        put(f"{PAIR}/geodesic/heat", (0, 3), np.inf), f"/{PAIR}/geodesic/heat", "exactly where .*, got 1 others",
    ),
    "unreachable finite": (
        put(f"{PAIR}/geodesic/exact", (0, 60), 3.0), f"/{PAIR}/geodesic/exact", "exactly where .*, got 1 others",
    ),
    "longer than an edge": (
        put(f"{PAIR}/geodesic/exact", (1, 60), 9.0), f"/{PAIR}/geodesic/exact", "its length, got more in row 1",
    ),
    "chunks": (
        replace(f"{MOVING}/fields/u", np.zeros((3, 5, 42, 1), "f4")),
        f"/{MOVING}/fields/u",
        r"chunks of one trajectory and some frames, got \(3, 5, 42, 1\)",
    ),
    "unit of moving positions": (rehash(f"{MOVING}/fields/pos", unit="mm"), f"/{MOVING}/fields/pos", "'m', got 'mm'"),
    "infinity under a mask": (
        put(f"{SENSORS}/fields/u", (1, 4, 0), np.inf), f"/{SENSORS}/fields/u", "got infinity in 1 node frames",
    ),
    "NaN without mask": (
        put(f"{MOVING}/fields/pos", (0, 2, 7, 1), np.nan), f"/{MOVING}/fields/pos", "no mask.*got NaN in 1 node frames",
    ),
    "padding observed": (lengthen_observation, f"/{SENSORS}/mask/u", "false in the padding .*, got 1 node frames"),
    "padding without mask": (unpad, f"/{MOVING}/fields/u", "false in the padding .*, got 42 node frames"),
    "origin": (rehash(f"{SENSORS}/time", origin="yesterday"), f"/{SENSORS}/time", "'origin' to be a date in UTC"),
    "scheme": (scheme([b"train", b"dev", b"test"]), f"/{SENSORS}/split", "the scheme 'by_mesh' to say train, valid"),
    "scheme too short": (scheme([b"train"]), f"/{SENSORS}/split", "for each trajectory"),
}  # fmt: skip


def test_the_showcase_is_good_with_a_further_scheme_too(good: Path, tmp_path: Path) -> None:
    assert check_file(good) == []
    assert check_file(damage(good, tmp_path, scheme([b"train", b"test", b"test"]))) == []


@pytest.mark.parametrize("case", CASES)
def test_a_broken_promise_is_named_and_nothing_else(small: dict[str, Path], tmp_path: Path, case: str) -> None:
    change, path, message = CASES[case]
    found = check_file(damage(small["stations" if path == "/" else path.split("/")[2]], tmp_path, change))
    assert any(violation.path == path and re.search(message, violation.message) for violation in found), found
    assert all("\n" not in violation.message for violation in found)
    related = {"/".join(violation.path.split("/")[:3]) for violation in found}
    assert related == {"/".join(path.split("/")[:3])}, found


def test_one_bad_array_does_not_hide_another(good: Path, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        for apply in (
            put(f"{PAIR}/face", (0, 0), 999), put(f"{PAIR}/node/mass", 0, np.nan), rehash(f"{PAIR}/pos", unit=""),
            put(f"{PAIR}/edge_index", (0, 0), -1), remove(f"{MOVING}/split"),
            put(f"{MOVING}/fields/u", (0, 0, 0), np.nan), put("trajectories/plane/time", 1, 0.0),
            put("trajectories/plane/fields/u", (2, 0, 0), np.inf),
        ):  # fmt: skip
            apply(file)

    paths = {violation.path for violation in check_file(damage(good, tmp_path, change))}
    assert paths == {
        f"/{PAIR}/face", f"/{PAIR}/node/mass", f"/{PAIR}/edge_index", f"/{PAIR}/pos", f"/{MOVING}/split",
        f"/{MOVING}/fields/u", "/trajectories/plane/time", "/trajectories/plane/fields/u",
    }  # fmt: skip


def test_progress_adds_up_to_the_bytes_of_all_fields(good: Path) -> None:
    steps: list[tuple[int, int]] = []
    check_file(good, progress=lambda read, total: steps.append((read, total)))
    with h5py.File(good) as file:
        total = sum(array.nbytes for group in file["trajectories"].values() for array in group["fields"].values())
    assert sum(read for read, _ in steps) == total and {known for _, known in steps} == {total}


def objects(path: Path) -> list[str]:
    names: list[str] = []
    with h5py.File(path) as file:
        file.visit(names.append)
    return names


@pytest.mark.parametrize("meshes", [("stations",), pytest.param(MESHES, marks=pytest.mark.slow)])
def test_any_object_may_be_missing_or_of_the_other_kind(tmp_path: Path, meshes: tuple[str, ...]) -> None:
    """An array where a group was, a group where an array was, or nothing: violations, never another exception."""

    def swap(name: str) -> Change:
        def apply(file: h5py.File) -> None:
            was_array = isinstance(file[name], h5py.Dataset)
            del file[name]
            if was_array:
                file.create_group(name)
            else:
                file[name] = [1.0, 2.0]

        return apply

    optional = re.compile(
        r"face$|node/zone|geodesic(/exact|/heat)?$|curves(/belt)?$|mask|parameters|fields/\w+$|trajectories/\w+$"
    )
    good = write_showcase(tmp_path / "small.h5", meshes=meshes)
    for name in objects(good):
        assert check_file(damage(good, tmp_path, swap(name))), name
        assert check_file(damage(good, tmp_path, remove(name))) or optional.search(name), name


def test_the_writer_refuses_infinity_under_a_mask_as_the_checker_does() -> None:
    seen = np.array([[[True, False]]])
    for value, fits in ((np.nan, True), (np.inf, False)):
        make = partial(
            TrajectoryBlock, "m", 0, np.zeros(1), {"u": np.array([[[[1.0], [value]]]])}, {"u": seen}, {}, ("test",)
        )
        if fits:
            make()
        else:
            with pytest.raises(ValueError, match="got 1 node frames with NaN or infinity"):
                make()
