"""Normalisation: its statistics against plain NumPy, unit spread of the fixed operators, batches, round trips."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from pdgn.data import Context, MeshDynamicsDataset, Normalizer
from pdgn.data.moments import RunningMoments
from tests.data.dummy import write_dummy

CONTEXT = Context(node=["pos", "diffusivity", "dt"], edge=["vector"], forcing=["hour_of_day"])


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return write_dummy(tmp_path_factory.mktemp("normalizer") / "dummy.h5", masked=True)


def windows(path: Path, split: str = "train", **options) -> MeshDynamicsDataset:
    return MeshDynamicsDataset(path, split, **{"history": 5, "horizon": 7, "context": CONTEXT, **options})


def training_values(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """(values, mask) [T, V] of every training trajectory, rows 0 and 1 of the two meshes."""
    with h5py.File(path) as file:
        return [
            (file[f"trajectories/{mesh}/fields/u"][row, ..., 0].astype(float), file[f"trajectories/{mesh}/mask/u"][row])
            for mesh in ("sphere", "square")
            for row in (0, 1)
        ]


def test_statistics_are_those_of_the_observed_training_values(path):
    normalizer = Normalizer.fit(windows(path))
    values = training_values(path)
    observed = np.concatenate([frames[mask] for frames, mask in values])
    steps = np.concatenate([np.diff(frames, axis=0)[mask[1:] & mask[:-1]] for frames, mask in values])
    assert normalizer.signal_mean.item() == pytest.approx(observed.mean(), rel=1e-6)  # float32
    assert normalizer.signal_std.item() == pytest.approx(observed.std(), rel=1e-6)
    assert normalizer.increment_scale.item() == pytest.approx(steps.std() / observed.std(), rel=1e-6)
    assert normalizer.signal_low.item() == pytest.approx(observed.min(), rel=1e-6)
    assert normalizer.signal_high.item() == pytest.approx(observed.max(), rel=1e-6)
    data = normalizer.transform(windows(path)[0])
    assert normalizer.inverse(data.low).item() == pytest.approx(observed.min(), rel=1e-5)
    assert normalizer.inverse(data.high).item() == pytest.approx(observed.max(), rel=1e-5)


def test_other_splits_do_not_count_and_are_refused(path, tmp_path):
    with pytest.raises(ValueError, match="wanted the training split to fit the normalisation, got split 'test'"):
        Normalizer.fit(windows(path, "test"))
    changed = tmp_path / "changed.h5"
    changed.write_bytes(path.read_bytes())
    with h5py.File(changed, "r+") as file:
        file["trajectories/sphere/fields/u"][2:] = 1e6
    before, after = Normalizer.fit(windows(path)).state_dict(), Normalizer.fit(windows(changed)).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_training_value_that_is_not_finite_is_refused_by_place(tmp_path):
    path = write_dummy(tmp_path / "dummy.h5")
    with h5py.File(path, "r+") as file:
        file["trajectories/square/fields/u"][1, 3, 4] = np.nan
    with pytest.raises(
        ValueError, match=r"dummy\.h5: trajectory 1 of mesh 'square': wanted finite values where observed"
    ):
        Normalizer.fit(windows(path))


def test_model_units_have_unit_spread(path):
    """Windows of all twelve frames: the normalised signal, contexts and fixed operators have mean 0 and deviation 1."""
    training = windows(path)
    normalizer = Normalizer.fit(training)
    signal, gradient, laplacian, contexts = [], [], [], []
    for index in range(len(training)):
        data = normalizer.transform(training[index])
        frames, mask = torch.cat([data.x, data.y], 1).squeeze(-1), torch.cat([data.x_mask, data.y_mask], 1)
        source, target = data.edge_index
        signal.append(frames[mask])
        both = mask[source] & mask[target]
        difference = frames[source] - frames[target]
        gradient.append((data.reference_gradient[:, None] * difference)[both])
        sums = torch.zeros_like(frames).index_add_(0, target, -data.reference_laplacian[:, None] * difference)
        complete = torch.zeros_like(frames).index_add_(0, target, (~both).float()) == 0
        laplacian.append(sums[complete])
        contexts.append(data.node_context)
        assert not frames[~mask].any()
    for values in (signal, gradient, laplacian):
        assert torch.cat(values).std(correction=0).item() == pytest.approx(1, abs=1e-4)  # float32 about 280 K
    assert torch.cat(signal).mean().item() == pytest.approx(0, abs=1e-4)
    context = torch.cat(contexts)
    torch.testing.assert_close(context.mean(0), torch.zeros(5), rtol=0, atol=1e-5)
    # dt is constant: it becomes 0 and is divided by 1
    torch.testing.assert_close(context.std(0, correction=0), torch.tensor([1.0, 1, 1, 1, 0]), rtol=0, atol=1e-5)


def test_transform_leaves_its_input_and_inverse_undoes_it(path):
    training = windows(path)
    normalizer, data = Normalizer.fit(training), training[0]
    before = {key: value.clone() for key, value in data.to_dict().items()}
    result = normalizer.transform(data)
    assert data.to_dict().keys() == before.keys()
    assert all(torch.equal(data[key], value) for key, value in before.items())
    back = normalizer.inverse(result.x)
    torch.testing.assert_close(back[data.x_mask], data.x[data.x_mask], rtol=1e-6, atol=0)  # float32
    assert not result.x[~data.x_mask].any()


def test_batch_is_the_singles_side_by_side(path):
    training = windows(path)
    normalizer = Normalizer.fit(training)
    items = [training[0], training[3]]
    batch = normalizer.transform(Batch.from_data_list(items))
    assert batch.increment_scale.shape == batch.zero.shape == batch.low.shape == batch.high.shape == (2, 1)
    torch.testing.assert_close(normalizer.inverse(batch.zero), torch.zeros(2, 1), rtol=0, atol=1e-6)
    for given, single in zip(batch.to_data_list(), items):
        wanted = normalizer.transform(single)
        assert given.to_dict().keys() == wanted.to_dict().keys()
        assert all(torch.equal(given[key], value) for key, value in wanted.to_dict().items())


def test_state_dict_holds_everything(path):
    training = windows(path)
    normalizer = Normalizer.fit(training)
    loaded = Normalizer.empty(training.channels)
    loaded.load_state_dict(normalizer.state_dict())
    first, second = normalizer.transform(training[0]), loaded.transform(training[0])
    assert all(torch.equal(first[key], second[key]) for key in first.keys())  # noqa: SIM118 (a Data is no dict)
    assert not list(normalizer.parameters())


def test_a_state_without_extremes_knows_no_range(path):
    """As checkpoints have it that were made before extremes were kept."""
    training = windows(path)
    state = Normalizer.fit(training).state_dict()
    del state["signal_low"], state["signal_high"]
    loaded = Normalizer.empty(training.channels)
    loaded.load_state_dict(state)
    data = loaded.transform(training[0])
    assert data.low.tolist() == [[-np.inf]] and data.high.tolist() == [[np.inf]]
    del state["signal_mean"]
    with pytest.raises(RuntimeError, match="signal_mean"):
        loaded.load_state_dict(state)


def test_running_moments_merge_exactly(rng):
    """Pieces of any size about a large mean give what the whole gives; a constant channel gives 1."""
    values = np.column_stack([1e4 + rng.normal(size=1000), np.full(1000, 0.1)])
    moments = RunningMoments(2)
    for piece in np.split(values, [0, 1, 10, 500]):
        moments.update(piece)
    assert moments.count == 1000
    np.testing.assert_allclose(moments.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_array_equal([moments.low, moments.high], [values.min(0), values.max(0)])
    np.testing.assert_allclose(moments.std(), [values[:, 0].std(), 1.0], rtol=1e-7)  # 1e-16 · 1e4² of the squares


def test_pooled_deviation_is_that_of_all_channels_together(rng):
    values = rng.normal(size=(500, 2)) * [2.0, 30.0] + [1.0, 60.0]
    moments = RunningMoments(2)
    moments.update(values)
    unit = np.array([2.0, 30.0])
    assert moments.pooled_std(unit) == pytest.approx((values / unit).std(), rel=1e-12)
