"""What belongs to the mesh is made once and shared by all samples; what belongs to a trajectory is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pdgn.data import Context, MeshDynamicsDataset, open_file
from pdgn.data.context import node_context
from tests.data.dummy import write_dummy


def samples(path: Path, context: Context):
    data = MeshDynamicsDataset(path, "train", history=2, horizon=2, context=context, meshes=["sphere"])
    windows = {data.window(index)[0].row: index for index in range(len(data))}
    return [data[index] for index in windows.values()]


def test_features_of_the_mesh_are_shared_between_trajectories_and_right(tmp_path):
    path = write_dummy(tmp_path / "dummy.h5")
    first, second = samples(path, Context(node=["pos", "height"], edge=["length", "project:normal"]))
    with open_file(path) as file:
        record = file.record("sphere")
    assert first.node_context.data_ptr() == second.node_context.data_ptr()
    assert first.edge_context.data_ptr() == second.edge_context.data_ptr()
    wanted = np.column_stack([record.pos, record.node["height"]]).astype(np.float32)
    assert np.array_equal(first.node_context.numpy(), wanted)
    assert np.array_equal(first.edge_context[:, 0].numpy(), record.edge["length"].astype(np.float32))


def test_features_of_a_trajectory_differ(tmp_path):
    path = write_dummy(tmp_path / "dummy.h5")
    first, second = samples(path, Context(node=["pos", "diffusivity"], edge=["project:velocity"]))
    assert torch.equal(first.node_context[:, :3], second.node_context[:, :3])
    assert not torch.equal(first.node_context[:, 3], second.node_context[:, 3])
    assert not torch.equal(first.edge_context, second.edge_context)


def test_the_order_and_choice_of_features_is_kept(tmp_path):
    path = write_dummy(tmp_path / "dummy.h5")
    data = MeshDynamicsDataset(path, "train", history=2, horizon=2, meshes=["sphere"])
    record = data.record("sphere")
    plain, turned = node_context(record, ["pos", "height"], {}, 1.0), node_context(record, ["height", "pos"], {}, 1.0)
    assert torch.equal(turned, plain.roll(1, dims=1)) and not torch.equal(turned, plain)
    assert not torch.equal(node_context(record, ["dt"], {}, 1.0), node_context(record, ["dt"], {}, 2.0))


def test_masked_frames_are_zero_and_the_others_as_stored(tmp_path):
    path = write_dummy(tmp_path / "dummy.h5", masked=True)
    data = MeshDynamicsDataset(path, "train", history=2, horizon=3, meshes=["sphere"])
    (key, start), sample = data.window(4), data[4]
    with open_file(path) as file:
        values, mask = file.frames(key.mesh, key.row, start, start + 5, ("u",))
    assert mask is not None and not mask.all()
    frames = torch.cat([sample.x, sample.y], dim=1)[:, :, 0].T.numpy()
    assert np.array_equal(torch.cat([sample.x_mask, sample.y_mask], dim=1).T.numpy(), mask)
    assert np.array_equal(frames[mask], values[..., 0][mask])
    assert (frames[~mask] == 0).all()
