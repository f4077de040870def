"""Windows: what they hold, their order, batches, workers and processes."""

from __future__ import annotations

import pickle
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.interpolate
import torch
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from pdgn.data import Context, MeshDynamicsDataset, MeshRecord, TrajectoryBlock, open_file
from pdgn.mesh import icosphere
from tests.data.dummy import dummy_block, dummy_writer, write_dummy
from tests.data.test_writer import flip_chunk

CONTEXT = Context(
    node=["pos", "velocity", "diffusivity", "dt"], edge=["reference", "project:velocity"], forcing=["hour_of_day"]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return write_dummy(tmp_path_factory.mktemp("dataset") / "dummy.h5", masked=True)


def dataset(path: Path, split: str = "train", **options) -> MeshDynamicsDataset:
    return MeshDynamicsDataset(path, split, **{"history": 3, "horizon": 4, "context": CONTEXT, **options})


def same(first, second) -> None:
    assert first.keys() == second.keys()
    for key, value in first.to_dict().items():
        assert torch.equal(value, second[key]), key


def test_windows_hold_the_frames_of_the_file_in_order(path):
    windows = dataset(path, "valid", stride=2)
    expected = [
        (mesh, row, start) for mesh in ("sphere", "square") for row in (2, 3) for start in (0, 2, 4)
    ]  # 12 frames, windows of 7: starts 0 … 5
    assert len(windows) == len(expected)
    with h5py.File(path) as file:
        for index, (mesh, row, start) in enumerate(expected):
            data = windows[index]
            values = file[f"trajectories/{mesh}/fields/u"][row, start : start + 7]
            mask = file[f"trajectories/{mesh}/mask/u"][row, start : start + 7]
            frames = torch.cat([data.x, data.y], dim=1).transpose(0, 1).numpy()
            np.testing.assert_array_equal(torch.cat([data.x_mask, data.y_mask], dim=1).t().numpy(), mask)
            np.testing.assert_array_equal(frames, np.where(mask[..., None], values, 0))
            assert (windows.mesh_name(data.mesh_id), int(data.trajectory_id), int(data.start)) == (mesh, row, start)
            np.testing.assert_array_equal(data.edge_index, file[f"meshes/{mesh}/edge_index"])
    same(windows[-1], windows[len(windows) - 1])
    with pytest.raises(IndexError, match=r"wanted an index in \[-12, 12\), got 12"):
        windows[12]


def test_attributes_say_what_the_file_holds(path):
    train, test = dataset(path), dataset(path, "test")
    assert (train.name, train.fields, train.unit, train.channel_units) == ("dummy", ("u",), {"u": "K"}, ("K",))
    assert train.dt == 0.5 and train.channels == (1, 8, 3, 2)
    assert train.meshes == ("sphere", "square") and test.meshes == ("sphere", "square", "unseen")
    assert [test.mesh_group(name) for name in test.meshes] == ["seen", "seen", "unseen"]
    assert dataset(path, "test", meshes=["unseen"]).meshes == ("unseen",)


def test_batch_of_several_meshes_is_the_singles_side_by_side(path):
    windows = dataset(path)
    items = [windows[0], windows[len(windows) - 1], windows[1]]  # sphere, square, sphere
    batch = Batch.from_data_list(items)
    assert batch.num_graphs == 3
    for index, item in enumerate(items):
        same(batch.get_example(index), item)
    for name in ("dt", "mesh_id", "trajectory_id", "start"):
        assert batch[name].shape == (3,)
    source, target = batch.edge_index
    assert torch.equal(batch.batch[source], batch.batch[target])  # no edge between graphs
    assert (target.diff() >= 0).all()


@pytest.mark.parametrize("start_method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])  # torch, twice
def test_workers_see_what_one_process_sees(path, start_method):
    windows = dataset(path)
    single = list(DataLoader(windows, batch_size=5))  # opens the file here, before the fork
    loader = DataLoader(windows, batch_size=5, num_workers=2, multiprocessing_context=start_method)
    several = list(loader)
    assert len(single) == len(several) == 5
    for one, other in zip(single, several):
        same(one, other)
    same(windows[3], dataset(path)[3])  # the parent's handle still works


def test_pickled_dataset_is_small_and_equal(path):
    windows = dataset(path)
    windows[0]
    copied = pickle.loads(pickle.dumps(windows))
    assert len(pickle.dumps(windows)) < 10_000  # descriptions only: no record, no handle, no frames
    same(copied[5], windows[5])


def test_file_that_was_replaced_is_not_read(path, tmp_path):
    replaced = tmp_path / "a.h5"
    shutil.copy(path, replaced)
    windows = dataset(replaced)
    with dummy_writer(replaced, config="kind: other", overwrite=True) as writer, open_file(path) as file:
        writer.write_mesh("sphere", file.record("sphere"))
        writer.write_block(dummy_block(file.record("sphere"), "sphere", 0, "train"))
        writer.finish()
    with pytest.raises(OSError, match=r"a\.h5: was replaced by another file while the dataset was in use"):
        windows[0]


def test_the_file_is_read_lazily(path, tmp_path):
    """A trajectory is read without its neighbours: damage in the first one is met only there."""
    damaged = tmp_path / "damaged.h5"
    shutil.copy(path, damaged)
    flip_chunk(damaged, "trajectories/sphere/fields/u")
    windows = dataset(damaged)
    same(windows[6], dataset(path)[6])  # six windows a trajectory
    with pytest.raises(OSError, match=r"damaged\.h5: /trajectories/sphere/fields/u: cannot be read, checksum failure"):
        windows[5]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"split": "holdout"}, "split: wanted one of train, valid, test, got 'holdout'"),
        ({"history": 8, "horizon": 5}, r"history \+ horizon = 8 \+ 5 = 13 frames is longer than .*has 12 frames"),
        ({"history": 0}, "history: wanted a number of frames of at least 1, got 0"),
        ({"fields": ["w"]}, "field 'w': mesh 'sphere' does not have it, available: u"),
        ({"meshes": ["cube"]}, "wanted one of the meshes sphere, square, unseen, got 'cube'"),
        ({"meshes": ["unseen"]}, "wanted trajectories of split 'train', got none .train: 0, valid: 0, test: 2."),
        (
            {"context": Context(node=["speed"])},
            "node context feature 'speed': the record does not have it, available: pos",
        ),
        ({"context": Context(node=["geodesic"])}, "context feature 'geodesic': the record has no geodesic distances"),
        ({"context": Context(edge=["project:speed"])}, "edge context feature 'project:speed': .*velocity"),
        ({"context": Context(edge=["project:diffusivity"])}, r"wanted a vector field \[42, 3\], got \[\]"),
        ({"context": Context(forcing=["month"])}, "forcing context feature 'month': .* available: hour_of_day"),
    ],
)
def test_mistakes_are_one_line_errors(path, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        dataset(path, **options)
    assert "\n" not in str(caught.value)


def test_uneven_times_are_refused_with_what_makes_them_even(tmp_path):
    """u is linear in time, so that what the message says gives it exactly."""
    record = MeshRecord.from_mesh(icosphere(0))
    time = np.array([0.0, 5.03, 19.83, 30.0, 41.0])
    field = (2 * time[None, :, None, None] + np.arange(12)[:, None]).repeat(2, axis=0)

    def made(name: str, time: np.ndarray, field: np.ndarray) -> Path:
        with dummy_writer(tmp_path / name) as writer:
            writer.write_mesh("ball", record)
            writer.write_block(TrajectoryBlock("ball", 0, time, {"u": field}, split=("train", "test")))
            return writer.finish()

    path = made("uneven.h5", time, field)
    with pytest.raises(ValueError, match=r"wanted equal time steps, got steps from 5\.03 to 14\.8; resample") as caught:
        dataset(path, history=1, horizon=1, context=Context())
    even = np.linspace(time[0], time[-1], len(time))
    (said,) = re.findall(r"(?<=, )scipy.*\(even\)$", str(caught.value))
    names = {"scipy": scipy, "time": time, "field": field, "even": even, "numpy": np}
    (axis,) = re.findall(r"even = (numpy.linspace\(.*?\)\)), ", str(caught.value))
    np.testing.assert_array_equal(eval(axis, names), even)
    data = dataset(made("even.h5", even, eval(said, names)), history=1, horizon=1, context=Context())[0]
    np.testing.assert_allclose(data.y[:, 0, 0], 2 * even[1] + np.arange(12), rtol=1e-6)  # float32
