"""Curves, signed distances and geodesic lengths in the file: round trip, and every rule of them verified."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import CurveRecord, MeshRecord, check_file, open_file
from pdgn.geodesics import geodesic_distance, geodesic_edge_length, geodesic_knn_graph, level_set_curves
from pdgn.mesh import TriMesh, icosphere
from tests.data.dummy import dummy_block, dummy_writer
from tests.data.test_check import damage, put, rehash, remove, replace
from tests.data.test_writer import flip_chunk

SPHERE = icosphere(2)
TWO = TriMesh(np.concatenate([SPHERE.pos, SPHERE.pos + 3]), np.concatenate([SPHERE.face, SPHERE.face + 162]))


def surface_record() -> MeshRecord:
    """Two spheres, with distances from a source on each and from a curve on the second."""
    curve = level_set_curves(TWO, np.where(np.arange(324) < 162, -1.0, TWO.pos[:, 2] - 3.2), 0.0)[0]
    sources = np.array([3, 300])
    geodesic = {"sources": sources, **{name: geodesic_distance(TWO, sources, name) for name in ("exact", "heat")}}
    length = geodesic_edge_length(TWO, np.arange(324), TWO.edge_index)
    return MeshRecord.from_mesh(
        TWO,
        unit="m",
        edge={"geodesic_length": length},
        geodesic=geodesic,
        curves={"circle": CurveRecord.of(TWO, curve)},
    )


def sensor_record() -> MeshRecord:
    """Sensors on a sphere, joined and measured along it."""
    vertex = np.arange(0, 162, 7)
    graph = geodesic_knn_graph(SPHERE, vertex, 3)
    geodesic = {"sources": np.array([2]), "exact": geodesic_distance(SPHERE, vertex[2])[:, vertex]}
    edge = {"geodesic_length": graph.length}
    return MeshRecord.from_sensors(SPHERE.pos[vertex], graph.edge_index, unit="m", edge=edge, geodesic=geodesic)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    with dummy_writer(tmp_path_factory.mktemp("curves") / "good.h5") as writer:
        for name, record in (("spheres", surface_record()), ("sensors", sensor_record())):
            writer.write_mesh(name, record)
            writer.write_block(dummy_block(record, name, 0, "train", count=1, frames=2))
        return writer.finish()


def test_what_was_written_is_read(good):
    assert check_file(good) == []
    with open_file(good) as file:
        for name, wanted in (("spheres", surface_record()), ("sensors", sensor_record())):
            found = file.record(name)
            for kind in ("edge", "geodesic"):
                assert getattr(found, kind).keys() == getattr(wanted, kind).keys()
                for key, values in getattr(wanted, kind).items():
                    np.testing.assert_array_equal(getattr(found, kind)[key], values)
            assert found.curves.keys() == wanted.curves.keys()
            for key, curve in wanted.curves.items():
                for one, other in zip(found.curves[key], curve, strict=True):
                    np.testing.assert_array_equal(one, other)
    circle = surface_record().curves["circle"]
    assert np.isposinf(circle.signed_distance[:162]).all() and circle.signed_distance[162:].max() > 0.5
    assert circle.curve.points(TWO)[:, 2] == pytest.approx(3.2)
    with h5py.File(good) as file:
        attributes = dict(file["meshes/spheres/curves/circle/signed_distance"].attrs)
    attributes.pop("attribute_hash")
    assert attributes.pop("library_version") and attributes == {
        "unit": "m", "method": "signed_heat", "library": "potpourri3d",
    }  # fmt: skip


S, C = "meshes/spheres", "meshes/spheres/curves/circle"
CASES = [
    (put(f"{C}/face", (0,), 640), f"/{C}/face", r"wanted faces in \[0, 640\), got 640"),
    (put(f"{C}/face", (2,), 600), f"/{C}/face", "consecutive points of a curve in one face, got points 1 and 2"),
    (put(f"{C}/barycentric", (0,), [0.5, 0.5, 0.5]), f"/{C}/barycentric", "numbers ≥ 0 of sum 1"),
    (put(f"{C}/barycentric", (0,), [-0.5, 0.5, 1.0]), f"/{C}/barycentric", "numbers ≥ 0 of sum 1"),
    (put(f"{C}/signed_distance", (200,), np.nan), f"/{C}/signed_distance", "with 1 NaN or −inf"),
    (put(f"{C}/signed_distance", (0,), -np.inf), f"/{C}/signed_distance", "with 1 NaN or −inf"),
    (put(f"{C}/signed_distance", (0,), 1.0), f"/{C}/signed_distance", "exactly where .* cannot be reached, got 1"),
    (put(f"{C}/signed_distance", (200,), np.inf), f"/{C}/signed_distance", "exactly where .* cannot be reached, got 1"),
    (replace(f"{C}/signed_distance", np.zeros(5)), f"/{C}/signed_distance", r"wanted shape \[324\], got \[5\]"),
    (replace(f"{C}/barycentric", np.zeros((4, 3))), f"/{C}/barycentric", r"wanted shape \[\d+, 3\], got \[4, 3\]"),
    (replace(f"{C}/face", np.zeros(5, "i4")), f"/{C}/face", "wanted dtype int64, got int32"),
    (replace(f"{C}/signed_distance", np.zeros(324), fletcher32=False), f"/{C}/signed_distance", "Fletcher32"),
    (remove(f"{C}/face"), f"/{C}/face", "wanted an array, got nothing"),
    (rehash(f"{C}/signed_distance", library=None), f"/{C}/signed_distance", "wanted the attribute 'library'"),
    (rehash(f"{C}/signed_distance", unit="km"), f"/{C}/signed_distance", "wanted the unit of pos, 'm', got 'km'"),
    (rehash(f"{C}/signed_distance", method="heat"), f"/{C}/signed_distance", "'method' to be 'signed_heat'"),
    (lambda file: file[C].create_group("extra"), f"/{C}/extra", "a name that the schema does not have"),
    (lambda file: file[S].create_dataset("curves/other", data=[1.0]), f"/{S}/curves/other", "wanted a group"),
    (
        put(f"{S}/edge/geodesic_length", (0,), 0.9),
        f"/{S}/edge/geodesic_length",
        "equal to those of the edges, .* 1 edges",
    ),
    (
        put("meshes/sensors/edge/geodesic_length", (0,), 0.01),
        "/meshes/sensors/edge/geodesic_length",
        "at least the straight ones, got others at 1 edges",
    ),
]


@pytest.mark.parametrize("change, path, message", CASES)
def test_each_violation_is_found_and_named(good, tmp_path, change, path, message):
    found = check_file(damage(good, tmp_path, change))
    assert any(violation.path == path for violation in found), found
    assert any(re.search(message, violation.message) for violation in found if violation.path == path), found
    assert all("\n" not in violation.message for violation in found)


@pytest.mark.parametrize("name", ["face", "barycentric", "signed_distance"])
def test_flipped_bits_are_seen_and_not_read(good, tmp_path, name):
    path = damage(good, tmp_path, lambda file: None)
    flip_chunk(path, f"{C}/{name}")
    assert any(f"/{C}/{name}: cannot be read, checksum failure" in violation.message for violation in check_file(path))
    with open_file(path) as file, pytest.raises(OSError, match=f"{name}: cannot be read, checksum failure"):
        file.record("spheres")


def test_curves_need_a_surface_and_a_name():
    record = surface_record()
    circle = record.curves["circle"]
    with pytest.raises(ValueError, match="curves: wanted a name of letters"):
        MeshRecord.from_mesh(TWO, curves={"a/b": circle})
    with pytest.raises(ValueError, match="curves/circle: wanted a surface to lie on, got a mesh without faces"):
        MeshRecord(record.pos, None, record.edge_index, record.node, record.edge, curves={"circle": circle})
    with pytest.raises(ValueError, match=r"edge/geodesic_length: wanted shape \[1920\], got \[1920, 1\]"):
        MeshRecord.from_mesh(TWO, edge={"geodesic_length": record.edge["geodesic_length"][:, None]})
