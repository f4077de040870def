"""Prediction on one's own mesh: the same path as the dataset, and one line for every mistake."""

from __future__ import annotations

import gc
import io
import sys
import warnings
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pdgn.data import Context, MeshDynamicsDataset, MeshRecord, build_sample
from pdgn.mesh import icosphere, knn_graph, torus, write_mesh
from pdgn.prediction import Predictor, load
from tests.evaluation.tiny import make_forecaster, make_run, tiny_config, write_file

STRENGTH = {"strength": 2.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A checkpoint whose weights are moved away from zero, so that it predicts more than persistence."""
    folder = tmp_path_factory.mktemp("run")
    checkpoint = make_run(folder)
    content = torch.load(checkpoint, weights_only=True)
    generator = torch.Generator().manual_seed(0)
    for name, value in content["state_dict"].items():
        if name.startswith("model."):
            value.add_(0.1 * torch.randn(value.shape, generator=generator))
    torch.save(content, checkpoint)
    return checkpoint


@pytest.fixture
def predictor(run) -> Predictor:
    return load(run)


@pytest.fixture
def observed(rng) -> np.ndarray:
    return 3.0 + rng.normal(size=(2, 42, 1))


def test_prediction_equals_the_forecast_of_the_stored_window(run, predictor):
    context = Context(node=["log_mass", "strength"], edge=["reference"])
    dataset = MeshDynamicsDataset(run.parent.parent / "decay.h5", "test", history=2, horizon=4, context=context)
    sample = dataset[0]
    with torch.no_grad():
        expected = predictor.forecaster.forecast(sample, 4).numpy().transpose(1, 0, 2)
    frames = sample.x.numpy().transpose(1, 0, 2)
    result = predictor.predict(icosphere(1), frames, 4, parameters=STRENGTH)
    assert result.shape == (4, 42, 1) and result.dtype == np.float32
    assert np.abs(result - frames[-1]).max() > 0.01  # it does predict a change
    # the stored parameter and the given one go the same way; float32 sums of the batch may differ in order
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_mesh_may_be_a_file_a_record_or_a_mesh(predictor, observed, tmp_path):
    mesh = icosphere(1)
    write_mesh(mesh, tmp_path / "ball.ply")
    expected = predictor.predict(mesh, observed, 3, parameters=STRENGTH)
    for given in (tmp_path / "ball.ply", str(tmp_path / "ball.ply"), MeshRecord.from_mesh(mesh)):
        result = predictor.predict(given, observed[..., 0], 3, parameters=STRENGTH)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(TypeError, match="mesh: wanted a TriMesh, a MeshRecord or the path of a mesh file, given list"):
        predictor.predict([1, 2], observed, 3)


def test_relabelling_the_nodes_relabels_the_prediction(predictor, observed, rng):
    mesh = icosphere(1)
    order = rng.permutation(42)
    place = np.argsort(order)
    shuffled = type(mesh)(mesh.pos[order], place[mesh.face])
    result = predictor.predict(shuffled, observed[:, order], 3, parameters=STRENGTH)
    expected = predictor.predict(mesh, observed, 3, parameters=STRENGTH)[:, order]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_other_meshes_and_sensors_are_predicted(predictor, rng):
    ring = torus(1.0, 0.4, 10, 6)
    assert predictor.predict(ring, 3.0 + np.zeros((2, 60)), 2, parameters=STRENGTH).shape == (2, 60, 1)
    pos = rng.uniform(size=(20, 3))
    sensors = MeshRecord.from_sensors(pos, knn_graph(pos, 4))
    assert predictor.predict(sensors, 3.0 + np.zeros((2, 20)), 2, parameters=STRENGTH).shape == (2, 20, 1)


def test_what_was_not_reported_has_no_influence(predictor, observed):
    mask = np.ones((2, 42), dtype=bool)
    mask[1, :10] = False
    missing = observed.copy()
    missing[1, :10] = np.nan
    changed = observed.copy()
    changed[1, :10] = 1e6
    expected = predictor.predict(icosphere(1), missing, 3, parameters=STRENGTH)
    np.testing.assert_array_equal(predictor.predict(icosphere(1), changed, 3, parameters=STRENGTH, mask=mask), expected)
    assert np.isfinite(expected).all()


def test_one_frame_is_enough_with_a_warning(predictor, observed):
    with pytest.warns(UserWarning, match="observed: 1 frames, fewer than the 2 of training"):
        assert predictor.predict(icosphere(1), observed[:1], 2, parameters=STRENGTH).shape == (2, 42, 1)


def test_a_prediction_that_diverges_says_so(run, observed):
    predictor = load(run)
    predictor.forecaster.normalizer.increment_scale.fill_(float("inf"))
    with pytest.warns(UserWarning, match="not finite from step 1 on"):
        predictor.predict(icosphere(1), observed, 2, parameters=STRENGTH)


@pytest.mark.parametrize(
    "shape, message",
    [
        ((2, 41, 1), r"observed: wanted \[T0, 42, 1\] .*channels u\) with at least one frame, given \[2, 41, 1\]"),
        ((2, 42, 2), r"given \[2, 42, 2\]"),
        ((42,), r"given \[42\]"),
        ((0, 42, 1), r"given \[0, 42, 1\]"),
    ],
)
def test_observations_of_another_shape_are_refused(predictor, shape, message):
    with pytest.raises(ValueError, match=message):
        predictor.predict(icosphere(1), np.ones(shape), 2, parameters=STRENGTH)


def test_other_bad_observations_are_refused(predictor, observed):
    mesh = icosphere(1)
    with pytest.raises(ValueError, match="at least one reported value, given none"):
        predictor.predict(mesh, np.full((2, 42, 1), np.nan), 2, parameters=STRENGTH)
    with pytest.raises(ValueError, match="NaN where not reported, given 2 infinite"):
        predictor.predict(mesh, np.where(np.arange(42)[:, None] < 1, np.inf, observed), 2, parameters=STRENGTH)
    with pytest.raises(TypeError, match="observed: wanted numbers, given an array of <U1"):
        predictor.predict(mesh, np.full((2, 42, 1), "a"), 2, parameters=STRENGTH)
    with pytest.raises(ValueError, match=r"mask: wanted bool \[2, 42\], given int64 \[2, 42\]"):
        predictor.predict(mesh, observed, 2, parameters=STRENGTH, mask=np.ones((2, 42), dtype=int))


def test_frames_come_one_by_one_and_mistakes_at_once(predictor, observed):
    expected = predictor.predict(icosphere(1), observed, 3, parameters=STRENGTH)
    frames = predictor.frames(icosphere(1), observed, 3, parameters=STRENGTH)
    first = next(frames)
    assert torch.is_grad_enabled()  # between two frames too
    np.testing.assert_array_equal(np.stack([first, *frames]), expected)
    with pytest.raises(ValueError, match="parameters: wanted strength"):
        predictor.frames(icosphere(1), observed, 3)


def test_a_long_prediction_keeps_neither_states_nor_frames(predictor, observed, monkeypatch):
    states, core = [], predictor.forecaster.model.core
    monkeypatch.setattr(type(core), "forward", _remembering(type(core).forward, states))
    for number, _ in enumerate(predictor.frames(icosphere(1), observed, 9, parameters=STRENGTH)):
        gc.collect()
        assert len(states) == number + 2  # one step for each of the two observed frames, then one for each frame
        assert sum(state() is not None for state in states) <= 1


def _remembering(forward, states):
    def remembering(self, *args, **kwargs):
        increment, state = forward(self, *args, **kwargs)
        states.append(weakref.ref(state.edge[0]))
        return increment, state

    return remembering


def test_a_bar_is_shown_on_a_terminal_alone(predictor, observed, monkeypatch):
    for terminal in (False, True):
        for progress in (False, True):
            stream = io.StringIO()
            stream.isatty = lambda terminal=terminal: terminal
            monkeypatch.setattr(sys, "stderr", stream)
            predictor.predict(icosphere(1), observed, 4, parameters=STRENGTH, progress=progress)
            assert ("4/4" in stream.getvalue()) == (terminal and progress)
            assert bool(stream.getvalue()) == (terminal and progress)


@pytest.mark.parametrize("steps", [0, -1, 2.5, True])
def test_steps_must_be_a_positive_integer(predictor, observed, steps):
    with pytest.raises(ValueError, match="steps: wanted an integer of at least 1"):
        predictor.predict(icosphere(1), observed, steps, parameters=STRENGTH)


def test_every_missing_parameter_is_named_at_once(predictor, observed):
    with pytest.raises(ValueError, match=r"parameters: wanted strength, which the model was trained with, given none"):
        predictor.predict(icosphere(1), observed, 2)
    with pytest.raises(ValueError, match=r"parameters: wanted strength, .* given speed"):
        predictor.predict(icosphere(1), observed, 2, parameters={"speed": 1.0})


def test_parameters_must_be_finite_numbers_by_name(predictor, observed):
    with pytest.raises(ValueError, match="parameters: strength: wanted finite values, given 1 NaN or infinite"):
        predictor.predict(icosphere(1), observed, 2, parameters={"strength": np.nan})
    with pytest.raises(TypeError, match="parameters: strength: wanted numbers, given an array of <U1"):
        predictor.predict(icosphere(1), observed, 2, parameters={"strength": "x"})
    with pytest.raises(TypeError, match="parameters: wanted names and values, given list"):
        predictor.predict(icosphere(1), observed, 2, parameters=[2.0])


def test_a_clock_needs_a_time_and_a_date_is_a_time(tmp_path, observed):
    config = tiny_config(write_file(tmp_path / "decay.h5"))
    forecaster = make_forecaster(replace(config, data=replace(config.data, forcing=["hour_of_day"])))
    with torch.no_grad():
        for parameter in forecaster.model.parameters():
            parameter.add_(0.05)
    predictor = Predictor(forecaster)
    with pytest.raises(ValueError, match=r"time: wanted that of the first frame, .*hour_of_day\), given none"):
        predictor.predict(icosphere(1), observed, 2, parameters=STRENGTH)
    for text in ("noon", "", "NaT"):
        with pytest.raises(ValueError, match=f"time: wanted a number or an ISO date .* given '{text}'"):
            predictor.predict(icosphere(1), observed, 2, parameters=STRENGTH, time=text)
    six, date, east, noon = (
        predictor.predict(icosphere(1), observed, 2, parameters=STRENGTH, time=time)
        for time in (6.0, "2014-01-20T06:00Z", "2014-01-20T08:00+02:00", 12.0)
    )
    np.testing.assert_allclose(six, date, rtol=1e-6)
    np.testing.assert_array_equal(date, east)
    assert np.abs(six - noon).max() > 1e-5


def test_repr_says_what_goes_in(predictor):
    assert repr(predictor) == "Predictor(padgn, u [K], dt=0.1 h)"


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "x.ckpt").write_text("nothing")
    with pytest.raises(ValueError, match="wanted a pdgn-forecaster checkpoint"):
        load(tmp_path / "x.ckpt")
    with pytest.raises(FileNotFoundError, match="wanted a checkpoint file"):
        load(tmp_path / "y.ckpt")


@pytest.mark.parametrize("factor, warned", [(3.0, False), (5.0, True), (0.1, True)])
def test_a_mesh_of_another_scale_is_warned_of(predictor, observed, factor, warned):
    mesh = icosphere(1)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        predictor.predict(replace(mesh, pos=factor * mesh.pos), observed, 1, parameters=STRENGTH)
    assert any("scale the mesh to the lengths of training" in str(one.message) for one in seen) == warned


def test_geodesic_features_may_come_as_parameters(observed):
    record = MeshRecord.from_mesh(icosphere(1))
    distance = np.abs(record.pos[:, :2] - record.pos[:1, :2])
    stored = replace(record, geodesic={"sources": np.array([0, 1]), "exact": distance.T})
    names = Context(node=["geodesic", "geodesic_sources"], edge=["geodesic_difference"])
    given = {"geodesic_sources": distance, "geodesic": distance.min(axis=1)}
    expected = build_sample(stored, observed, np.ones((2, 42), bool), None, None, np.arange(2.0), names, {})
    found = build_sample(record, observed, np.ones((2, 42), bool), None, None, np.arange(2.0), names, given)
    torch.testing.assert_close(found.node_context, expected.node_context)
    torch.testing.assert_close(found.edge_context, expected.edge_context)
    assert found.edge_context.abs().max() > 0.1
    other = {name: 2 * values for name, values in given.items()}  # nothing of it is kept with the mesh
    twice = build_sample(record, observed, np.ones((2, 42), bool), None, None, np.arange(2.0), names, other)
    torch.testing.assert_close(twice.node_context, 2 * expected.node_context)
    torch.testing.assert_close(twice.edge_context, 2 * expected.edge_context)
    with pytest.raises(ValueError, match="'geodesic_sources': the record has no geodesic distances"):
        build_sample(
            record, observed, np.ones((2, 42), bool), None, None, np.arange(2.0), names, {"geodesic": distance}
        )


def test_a_parameter_of_another_length_is_refused(predictor, observed):
    with pytest.raises(
        ValueError, match=r"wanted arrays that make 2 columns of node_context \(log_mass, strength\), given 44"
    ):
        predictor.predict(icosphere(1), observed, 1, parameters={"strength": np.ones(43)})


@pytest.mark.parametrize("length, warned", [(0.2, True), (0.3, False), (7.9, False), (8.1, True)])
def test_scales_of_several_training_meshes_reach_from_the_least_to_the_largest(run, length, warned):
    predictor = load(run)
    description = replace(predictor.forecaster.description, edge_length=(1.0, 2.0))
    predictor.forecaster.description = description
    record = MeshRecord.from_mesh(icosphere(1))
    scaled = replace(record, edge={**record.edge, "length": np.full(record.edge_index.shape[1], length)})
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        predictor._compare_scales(scaled)
    assert bool(seen) == warned


def test_geodesic_parameters_of_a_wrong_shape_or_kind_are_refused():
    record = MeshRecord.from_mesh(icosphere(1))
    for names, given, message in (
        (Context(edge=["geodesic_difference"]), {"geodesic_sources": np.ones(2)}, r"wanted \[V\] or \[V, S\], V = 42"),
        (Context(node=["geodesic"]), {"geodesic": np.ones((42, 3))}, r"geodesic: wanted \[V\], V = 42, got \[42, 3\]"),
        (Context(edge=["geodesic"]), {"geodesic": np.ones(42)}, "edge context feature 'geodesic'"),
        (Context(node=["geodesic_difference"]), {"geodesic_sources": np.ones((42, 2))}, "'geodesic_difference'"),
    ):
        with pytest.raises(ValueError, match=message):
            build_sample(record, np.ones((2, 42, 1)), np.ones((2, 42), bool), None, None, np.arange(2.0), names, given)
