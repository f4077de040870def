"""The supervised set of distances: samples say what the file says, in any process."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader as PlainLoader
from torch_geometric.loader import DataLoader

from pdgn.data import Context, DatasetWriter, DistanceDataset, MeshRecord, TrajectoryBlock, open_file
from pdgn.geodesics import distance_to_sets
from pdgn.mesh import TriMesh, icosphere
from tests.data.dummy import write_dummy

SPHERE = icosphere(1)
PAIR = TriMesh(np.concatenate([SPHERE.pos, SPHERE.pos + 3]), np.concatenate([SPHERE.face, SPHERE.face + 42]))
SOURCES = [[0], [3, 20], [7], [9, 11, 40]]
SPLIT = ("train", "train", "valid", "test")
ATTRIBUTES = {"source": {"unit": "1"}, "distance": {"unit": "mm"}}


def write_distances(path: Path, **about: object) -> Path:
    """Four samples on a sphere, and the same on the first of a pair of spheres."""
    standard = {"config": "kind: geodesics", "name": "distances", "seed": 0, "field_attributes": ATTRIBUTES}
    with DatasetWriter(path, **{**standard, **about}) as writer:
        for name, mesh in (("ball", SPHERE), ("pair", PAIR)):
            distance = distance_to_sets(mesh, SOURCES)
            source = np.zeros(distance.shape, dtype=np.float32)
            for row, chosen in enumerate(SOURCES):
                source[row, chosen] = 1
            reached = np.isfinite(distance)
            fields = {
                "source": source[:, None, :, None],
                "distance": np.where(reached, distance, np.nan)[:, None, :, None],
            }
            mask = {} if reached.all() else {"distance": reached[:, None]}
            geodesic = {"sources": np.array([5]), "exact": distance_to_sets(mesh, [[5]])}
            writer.write_mesh(name, MeshRecord.from_mesh(mesh, unit="mm", geodesic=geodesic))
            writer.write_block(TrajectoryBlock(name, 0, np.zeros(1), fields, mask, {}, SPLIT))
        return writer.finish()


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return write_distances(tmp_path_factory.mktemp("distances") / "distances.h5")


def test_samples_say_what_the_file_says(path):
    dataset = DistanceDataset(path, "train")
    assert len(dataset) == 4 and dataset.meshes == ("ball", "pair") and dataset.unit == "mm"
    assert repr(dataset) == "DistanceDataset('distances.h5', 'train', 4 samples on 2 meshes)"
    for index, (mesh, row) in enumerate([(SPHERE, 0), (SPHERE, 1), (PAIR, 0), (PAIR, 1)]):
        data = dataset[index]
        assert data.x[:, 0].nonzero()[:, 0].tolist() == SOURCES[row] and data.x.sum() == len(SOURCES[row])
        distance = distance_to_sets(mesh, [SOURCES[row]])[0]
        reached = np.isfinite(distance)
        np.testing.assert_array_equal(data.y_mask.numpy(), reached)
        expected = np.where(reached, distance, 0).astype(np.float32)[:, None]
        np.testing.assert_array_equal(data.y.numpy(), expected)
        np.testing.assert_array_equal(data.face.numpy(), mesh.face.T)
        np.testing.assert_array_equal(data.edge_index.numpy(), mesh.edge_index)
        np.testing.assert_array_equal(data.pos.numpy(), mesh.pos.astype(np.float32))
        assert data.mass.sum().item() == pytest.approx(mesh.face_area.sum(), rel=1e-6)
        assert {data[name].dtype for name in ("x", "y", "pos", "mass", "reference_laplacian")} == {torch.float32}
        assert dataset.mesh_name(data.mesh_id) == ("ball" if mesh is SPHERE else "pair")
        assert data.trajectory_id.tolist() == [row] and data.validate()
    assert len(DistanceDataset(path, "test", meshes=["pair"])) == 1
    assert dataset.mesh_group("ball") == "seen"
    torch.testing.assert_close(dataset[-1].y, dataset[3].y)
    with pytest.raises(IndexError, match=r"wanted an index in \[-4, 4\), got 4"):
        dataset[4]


def test_batches_keep_faces_and_edges_of_each_mesh(path):
    batch = next(iter(DataLoader(DistanceDataset(path, "train"), batch_size=4)))
    assert batch.num_graphs == 4 and batch.x.shape == (252, 1) and batch.face.shape == (3, 480)
    # Faces of the third graph, the pair after two balls, point at its own vertices.
    np.testing.assert_array_equal(batch.face[:, 160:320].numpy(), PAIR.face.T + 84)
    assert (batch.batch[batch.edge_index[0]] == batch.batch[batch.edge_index[1]]).all()


def test_context_of_the_mesh_is_there(path):
    context = Context(node=["normal", "log_mass"], edge=["length"])
    data = DistanceDataset(path, "valid", context=context, meshes=["ball"])[0]
    assert data.node_context.shape == (42, 4) and data.edge_context.shape == (240, 1)
    torch.testing.assert_close(data.node_context[:, :3], data.pos, rtol=0.1, atol=0.1)  # normals of a sphere
    with pytest.raises(ValueError, match="node context feature 'velocity': the record does not have it"):
        DistanceDataset(path, "valid", context=Context(node=["velocity"]))


def test_workers_see_what_one_process_sees(path):
    dataset = DistanceDataset(path, "train")
    assert dataset[0].y is not None  # the file is open when the workers start
    for index, data in enumerate(PlainLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork")):
        for name in ("x", "y", "y_mask", "face"):
            assert torch.equal(data[name], dataset[index][name])


def test_it_pickles_and_notices_another_file(path, tmp_path):
    dataset = DistanceDataset(path, "train")
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(copy[2].y, dataset[2].y) and len(pickle.dumps(dataset)) < 10_000
    other = write_distances(tmp_path / "a.h5")
    stale = DistanceDataset(other, "train")
    other.unlink()
    write_distances(other, config="kind: another")
    with pytest.raises(OSError, match=r"a\.h5: was replaced by another file"):
        stale[0]


def test_what_is_no_such_set_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match="split: wanted one of train, valid, test, got 'dev'"):
        DistanceDataset(path, "dev")
    with pytest.raises(ValueError, match="wanted one of the meshes ball, pair, got 'cow'"):
        DistanceDataset(path, "train", meshes=["cow"])
    with pytest.raises(ValueError, match="wanted the scheme 'by_mesh', got none"):
        DistanceDataset(path, "train", scheme="by_mesh")
    dynamics = write_dummy(tmp_path / "dummy.h5")
    with pytest.raises(
        ValueError, match=r"mesh 'sphere': wanted one frame of 'source' and 'distance', .* got 12 of u; "
    ):
        DistanceDataset(dynamics, "train")
    with pytest.raises(ValueError, match="wanted samples of split 'train', got none"):
        DistanceDataset(path, "train", meshes=[])
    with open_file(path) as file:
        assert file.trajectories("ball").time.tolist() == [0.0]
