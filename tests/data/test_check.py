"""The checker: damage is seen and not read, and every rule of the schema is verified."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import MeshDynamicsDataset, Violation, check_file, open_file
from pdgn.data.schema import set_attributes
from tests.data.dummy import arrays, assert_same, write_dummy
from tests.data.test_writer import flip_chunk


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_dummy(tmp_path_factory.mktemp("check") / "good.h5", masked=True)


def damage(good: Path, folder: Path, change: Callable[[h5py.File], None]) -> Path:
    path = folder / "damaged.h5"
    shutil.copy(good, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def put(name: str, index: tuple, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][index] = value

    return change


def rehash(name: str, /, **attributes: object) -> Callable[[h5py.File], None]:
    """Change attributes and their hash, as a faulty writer would."""

    def change(file: h5py.File) -> None:
        for key in [key for key, value in attributes.items() if value is None]:
            del file[name].attrs[key]
        set_attributes(file[name], {key: value for key, value in attributes.items() if value is not None})

    return change


def replace(name: str, values: np.ndarray, **options: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        attributes = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, data=values, **{"fletcher32": True, "chunks": values.shape, **options})
        file[name].attrs.update(attributes)

    return change


def observe_a_gap(file: h5py.File) -> None:
    """Call a NaN observed."""
    mask = file["trajectories/sphere/mask/u"]
    gap = np.argwhere(~mask[...])[0]
    mask[tuple(gap)] = True


def set_attribute(name: str, key: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name].attrs[key] = value

    return change


def remove(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


S, T = "meshes/sphere", "trajectories/sphere"
CASES = [
    (put(f"{S}/edge_index", (0, 3), 42), f"/{S}/edge_index", r"indices in \[0, 42\), got 0 … 42"),
    (put(f"{S}/edge_index", (1, 3), 9), f"/{S}/edge_index", "sorted by target"),
    (put(f"{S}/face", (0, 0), -1), f"/{S}/face", "indices in"),
    (put(f"{S}/pos", (0, 0), np.nan), f"/{S}/pos", "finite positions, got 1 nodes"),
    (put(f"{S}/node/mass", 0, np.inf), f"/{S}/node/mass", "wanted finite values, got 1"),
    (put(f"{T}/time", 3, 0.0), f"/{T}/time", "strictly increasing"),
    (put(f"{T}/split", 0, b"dev"), f"/{T}/split", "wanted one of train, valid, test, got 'dev'"),
    (put(f"{T}/parameters/diffusivity", 1, np.nan), f"/{T}/parameters/diffusivity", "row 1"),
    (observe_a_gap, f"/{T}/fields/u", "finite values where the mask is true, got .* in 1 node frames"),
    (remove(f"{T}/mask/u"), f"/{T}/fields/u", "everywhere .there is no mask."),
    (remove(f"{S}/node/normal"), f"/{S}/node", "missing: normal"),
    (remove(S), f"/{T}", "wanted the name of a mesh, available: square, unseen"),
    (rehash(f"{S}/pos", unit=None), f"/{S}/pos", "wanted the attribute 'unit', got None"),
    (rehash(f"{T}/fields/u", unit=""), f"/{T}/fields/u", "wanted the attribute 'unit', got ''"),
    (rehash("/", license=None), "/", "missing: license"),
    (set_attribute(f"{S}/pos", "unit", "km"), f"/{S}", "attributes of /meshes/sphere/pos: do not match"),
    (set_attribute("meshes", "note", "new"), "/meshes", "the hash 'attribute_hash' is missing"),
    (replace(f"{S}/pos", np.zeros((42, 2))), f"/{S}/pos", r"wanted shape \[any, 3\], got \[42, 2\]"),
    (replace(f"{S}/pos", np.zeros((42, 3), "f4")), f"/{S}/pos", "wanted dtype float64, got float32"),
    (
        replace(f"{T}/fields/u", np.zeros((6, 12, 42, 1), "i4")),
        f"/{T}/fields/u",
        "wanted dtype float32 or float64, got",
    ),
    (replace(f"{S}/node/mass", np.zeros(3)), f"/{S}/node/mass", r"wanted 42 rows, got shape \[3\]"),
    (replace(f"{S}/node/mass", np.zeros(42), fletcher32=False), f"/{S}/node/mass", "Fletcher32"),
    (lambda file: file[S].create_group("extra"), f"/{S}/extra", "a name that the schema does not have"),
]


@pytest.mark.parametrize("change, path, message", CASES)
def test_each_violation_is_found_and_named(good, tmp_path, change, path, message):
    found = check_file(damage(good, tmp_path, change))
    assert any(violation.path == path for violation in found), found
    assert any(re.search(message, violation.message) for violation in found if violation.path == path), found
    assert all("\n" not in violation.message for violation in found)
    assert not any("/square" in violation.path for violation in found)  # what is good is not blamed


def test_good_file_has_no_violation_and_the_structure_is_verified_when_it_is_opened(good, tmp_path):
    assert check_file(good) == []
    with pytest.raises(ValueError, match=r"damaged\.h5: /trajectories/sphere/time: wanted finite .*pdgn check"):
        open_file(damage(good, tmp_path, put("trajectories/sphere/time", 3, 0.0)))


@pytest.mark.parametrize(
    "name", ["trajectories/sphere/fields/u", "trajectories/sphere/mask/u", "meshes/sphere/edge/length"]
)
def test_flipped_bit_in_an_array_is_seen_and_not_read(good, tmp_path, name):
    path = tmp_path / "flipped.h5"
    shutil.copy(good, path)
    flip_chunk(path, name)
    found = check_file(path)
    assert len(found) == 1 and f"/{name}: cannot be read, checksum failure" in found[0].message
    with pytest.raises(OSError, match=rf"flipped\.h5: /{name}: cannot be read, checksum failure"):
        MeshDynamicsDataset(path, "train", history=3, horizon=4)[0]


def test_flipped_bytes_anywhere_are_seen_or_do_no_harm(good, tmp_path, rng):
    """Metadata have checksums of their own: with any byte changed the file is refused, blamed, or reads the same."""
    content, wanted, path = good.read_bytes(), arrays(good), tmp_path / "flipped.h5"
    seen = 0
    for position in rng.integers(0, len(content), 40):
        changed = bytearray(content)
        changed[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            found = check_file(path)
        except (OSError, ValueError) as error:
            found = [Violation("/", str(error))]
        seen += bool(found)
        if not found:
            assert_same(arrays(path), wanted)
        assert all("\n" not in violation.message for violation in found)
    assert seen > 20  # about half of a small file is unused space


def test_files_that_cannot_be_opened_are_one_line_errors(good, tmp_path):
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(good.read_bytes()[:-1000])
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    version = damage(good, tmp_path, rehash("/", schema_version="2.0"))
    for path, kind, message in (
        (truncated, OSError, r"truncated\.h5: truncated HDF5 file"),
        (text, OSError, r"text\.h5: not an HDF5 file"),
        (tmp_path / "none.h5", FileNotFoundError, r"none\.h5: no such file"),
        (tmp_path, IsADirectoryError, "wanted an HDF5 file, got a folder"),
        (tmp_path / "other.h5", ValueError, r"other\.h5: an HDF5 file, but not a pdgn dataset"),
        (version, ValueError, "has schema version 2.0, this pdgn reads 1.0"),
    ):
        for use in (check_file, open_file, lambda path: MeshDynamicsDataset(path, "train", history=1, horizon=1)):
            with pytest.raises(kind, match=message) as caught:
                use(path)
            assert "\n" not in str(caught.value)
