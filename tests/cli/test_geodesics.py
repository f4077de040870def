"""Geodesic fields, random curves and the supervised set of distances, from the seed of a recipe."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.cli.geodesics import (
    DistanceJob,
    distance_attributes,
    distance_block,
    distance_jobs,
    distance_units,
    network_geodesics,
    surface_curves,
    surface_geodesics,
)
from pdgn.cli.geodesics_recipe import GeodesicsRecipe
from pdgn.data import DatasetWriter, DistanceDataset, MeshRecord, check_file, open_file
from pdgn.geodesics import area_above, geodesic_distance
from pdgn.mesh import TriMesh, grid, icosphere, read_mesh, repair

SPHERE = icosphere(2)
JOB = DistanceJob(0, ("train",) * 4)


def two_spheres() -> TriMesh:
    return TriMesh(np.concatenate([SPHERE.pos, SPHERE.pos + 3]), np.concatenate([SPHERE.face, SPHERE.face + 162]))


@pytest.mark.parametrize("method", ["exact", "heat", "fast_marching"])
def test_samples_are_distances_to_the_nearest_source(method):
    wanted = GeodesicsRecipe(least_sources=2, most_sources=5, method=method)
    block = distance_block(wanted, SPHERE, "ball", JOB, [7, 0])
    assert block.fields["source"].shape == block.fields["distance"].shape == (4, 1, 162, 1) and not block.mask
    counts = block.parameters["num_sources"]
    assert set(counts.tolist()) <= {2, 3, 4, 5} and len(set(counts.tolist())) > 1
    np.testing.assert_array_equal(block.fields["source"].sum(axis=(1, 2, 3)), counts)
    for source, distance in zip(block.fields["source"][:, 0, :, 0], block.fields["distance"][:, 0, :, 0]):
        chosen = np.flatnonzero(source)
        least = geodesic_distance(SPHERE, chosen, method).min(axis=0)
        # One front from all sources meets itself otherwise than many fronts do: within a third of the edges of 0.3.
        np.testing.assert_allclose(distance, least, atol=0.1 if method == "fast_marching" else 0)
        assert (distance[chosen] == 0).all()


def test_unreachable_vertices_are_masked_out_on_every_block():
    mesh = two_spheres()
    wanted = GeodesicsRecipe(least_sources=1, most_sources=1)
    block = distance_block(wanted, mesh, "balls", JOB, [7, 0])
    mask, distance = block.mask["distance"][:, 0], block.fields["distance"][:, 0, :, 0]
    np.testing.assert_array_equal(mask.sum(axis=1), 162)
    np.testing.assert_array_equal(np.isnan(distance), ~mask)
    full = distance_block(GeodesicsRecipe(least_sources=200, most_sources=200), mesh, "balls", JOB, [7, 0])
    assert full.mask["distance"].all()  # 200 sources lie on both spheres; the mask is there nevertheless


def test_a_block_depends_on_its_seed_alone():
    wanted = GeodesicsRecipe()
    first, again = (distance_block(wanted, SPHERE, "ball", JOB, [7, 0]) for _ in range(2))
    for name in first.fields:
        np.testing.assert_array_equal(first.fields[name], again.fields[name])
    others = [
        distance_block(wanted, SPHERE, "ball", JOB, [8, 0]),
        distance_block(wanted, SPHERE, "ball", JOB, [7, 1]),
        distance_block(wanted, SPHERE, "ball", JOB._replace(block=1), [7, 0]),
    ]
    assert all((other.fields["source"] != first.fields["source"]).any() for other in others)


def test_farthest_sources_lie_further_apart():
    apart = {}
    for sampling in ("random", "farthest"):
        wanted = GeodesicsRecipe(least_sources=6, most_sources=6, sampling=sampling)
        block = distance_block(wanted, SPHERE, "ball", JOB, [7, 0])
        apart[sampling] = block.fields["distance"].max(axis=(1, 2, 3)).mean()
    assert apart["farthest"] < 0.8 * apart["random"]  # no vertex is far from the nearest of well spread sources


def test_jobs_cover_every_sample_once():
    wanted = GeodesicsRecipe(train=5, valid=2, test=3, block=4)
    jobs = distance_jobs(wanted, test_alone=False)
    assert [job.block for job in jobs] == [0, 1, 2] and [len(job.split) for job in jobs] == [4, 4, 2]
    assert sum((job.split for job in jobs), ()) == ("train",) * 5 + ("valid",) * 2 + ("test",) * 3
    assert distance_jobs(wanted, test_alone=True) == [DistanceJob(0, ("test",) * 3)]


def test_the_set_makes_a_good_file(tmp_path):
    wanted = GeodesicsRecipe(train=3, valid=1, test=2, block=4)
    about = {"config": "kind: geodesics", "name": "distances", "seed": 7}
    with DatasetWriter(tmp_path / "a.h5", **about, field_attributes=distance_attributes(wanted, "m")) as writer:
        for number, (name, mesh) in enumerate({"ball": SPHERE, "balls": two_spheres(), "sheet": grid(9, 9)}.items()):
            geodesic, curves = surface_geodesics(mesh, 2, ["exact", "heat"]), surface_curves(mesh, 2, [7, number])
            writer.write_mesh(name, MeshRecord.from_mesh(mesh, unit="m", geodesic=geodesic, curves=curves))
            for job in distance_jobs(wanted, test_alone=False):
                writer.write_block(distance_block(wanted, mesh, name, job, [7, number]))
        path = writer.finish()
    assert check_file(path) == []
    with open_file(path) as file:
        table = file.trajectories("balls")
        assert table.time.tolist() == [0.0] and table.split.tolist() == ["train"] * 3 + ["valid"] + ["test"] * 2
        attributes = table.fields["distance"][1]
        assert attributes["unit"] == "m" and attributes["equation"].startswith(
            "geodesic distance to the nearest source"
        )
        assert set(table.parameters) == set(distance_units())
        assert set(file.record("sheet").curves) == {"curve_0", "curve_1"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cow", "stanford-bunny", "three"])
def test_difficult_meshes_carry_fields_curves_and_samples(name, shared_data, tmp_path):
    """Non-manifold vertices once repaired; a boundary and isolated vertices; three components, one with a boundary."""
    if name == "three":
        parts = [SPHERE, TriMesh(SPHERE.pos + 3, SPHERE.face), TriMesh(grid(12, 12).pos - 5, grid(12, 12).face)]
        first = np.cumsum([0] + [part.num_vertices for part in parts])
        faces = [part.face + start for part, start in zip(parts, first)]
        mesh = TriMesh(np.concatenate([part.pos for part in parts]), np.concatenate(faces))
    else:
        found = read_mesh(shared_data / "meshes" / f"{name}.obj")
        mesh, _ = repair(found, isolated=True, non_manifold=True, orientation=True)
    wanted = GeodesicsRecipe(train=2, valid=0, test=1, method="heat")
    about = {"config": "kind: geodesics", "name": "distances", "seed": 7}
    geodesic, curves = surface_geodesics(mesh, 3, ["heat", "fast_marching"]), surface_curves(mesh, 2, [7, 0])
    with DatasetWriter(tmp_path / "a.h5", **about, field_attributes=distance_attributes(wanted, "1")) as writer:
        writer.write_mesh(name, MeshRecord.from_mesh(mesh, geodesic=geodesic, curves=curves))
        for job in distance_jobs(wanted, test_alone=False):
            writer.write_block(distance_block(wanted, mesh, name, job, [7, 0]))
        path = writer.finish()
    assert check_file(path) == []
    assert (DistanceDataset(path, "train")[0].y_mask.all().item()) == (name != "three")


def test_curves_are_those_of_the_seed_and_enclose_a_part_of_the_surface():
    curves = surface_curves(icosphere(3), 3, [7, 0])
    again, other = surface_curves(icosphere(3), 3, [7, 0]), surface_curves(icosphere(3), 3, [7, 1])
    for name, record in curves.items():
        np.testing.assert_array_equal(record.signed_distance, again[name].signed_distance)
        assert not np.array_equal(record.signed_distance, other[name].signed_distance)
        assert 0.02 < area_above(icosphere(3), record.signed_distance, 0.0) / (4 * np.pi) < 0.98
    assert surface_curves(SPHERE, 0, [7, 0]) == {}


def test_fields_from_chosen_and_from_farthest_sources():
    chosen = surface_geodesics(SPHERE, [3, 11], ["heat", "exact"])
    np.testing.assert_array_equal(chosen["exact"], geodesic_distance(SPHERE, [3, 11]))
    assert chosen["sources"].tolist() == [3, 11] and set(chosen) == {"sources", "heat", "exact"}
    assert surface_geodesics(SPHERE, 3, ["exact"])["exact"].shape == (3, 162)
    vertex = np.arange(3, 162, 8)
    sensors = network_geodesics(SPHERE, vertex, [0, 1], ["exact"])
    assert sensors["sources"].tolist() == [0, 1] and sensors["exact"].shape == (2, 20)
    np.testing.assert_array_equal(sensors["exact"], chosen["exact"][:, vertex])
    spread = network_geodesics(SPHERE, vertex, 3, ["heat"])
    assert (spread["heat"][np.arange(3), spread["sources"]] == 0).all() and len(set(spread["sources"].tolist())) == 3
    with pytest.raises(ValueError, match=r"sources must lie in \[0, 20\), got 20"):
        network_geodesics(SPHERE, vertex, [20], ["exact"])
    assert network_geodesics(SPHERE, vertex, 0, ["exact"]) == {}
    assert surface_geodesics(SPHERE, 0, ["exact"]) == surface_geodesics(SPHERE, [], ["exact"]) == {}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"train": -1}, "geodesics.train: wanted a finite number of at least 0, given -1"),
        ({"train": 0, "test": 0}, "geodesics.train: wanted train or test of at least 1, given 0"),
        ({"least_sources": 0}, "geodesics.least_sources: wanted a finite number of at least 1"),
        ({"least_sources": 3, "most_sources": 2}, "most_sources: wanted at least least_sources = 3, given 2"),
        ({"block": 0}, "geodesics.block: wanted"),
    ],
)
def test_bad_recipes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GeodesicsRecipe(**options)


def test_surfaces_that_cannot_carry_the_set_are_refused():
    with pytest.raises(ValueError, match="most_sources: wanted at most as many as vertices, 42, given 50"):
        distance_block(GeodesicsRecipe(most_sources=50), icosphere(1), "ball", JOB, [0, 0])
    with pytest.raises(ValueError, match="without period"):
        distance_block(GeodesicsRecipe(), grid(5, 5, periodic=True), "square", JOB, [0, 0])
