"""Learned against reference weights: units, how far they moved, which kernels are shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pdgn.evaluation.learned_weights import LearnedWeights, learned_weights
from pdgn.evaluation.rollout_windows import RolloutWindows
from pdgn.evaluation.surface_drawing import Stage
from pdgn.evaluation.weights_figure import weights_figure
from pdgn.mesh import icosphere
from tests.evaluation.tiny import make_forecaster, tiny_config, write_file


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    """A fresh model, which starts at the reference, and a window in physical units."""
    config = tiny_config(write_file(tmp_path_factory.mktemp("weights") / "decay.h5"))
    with RolloutWindows(config.data.file, config.data) as windows:
        yield make_forecaster(config), windows.sample(windows.windows[0])


def test_a_fresh_model_has_the_reference_weights_in_physical_units(window):
    forecaster, data = window
    weights = learned_weights(forecaster, data)
    assert weights.gradient.shape == (data.edge_index.size(1), 2)
    for kernel in range(2):  # float32, there and back
        np.testing.assert_allclose(weights.gradient[:, kernel], data.reference_gradient, rtol=1e-5)
        np.testing.assert_allclose(weights.laplacian[:, kernel], data.reference_laplacian, rtol=1e-5)
    assert not np.isclose(float(forecaster.normalizer.laplacian_scale), 1.0)  # or the test would not see the units
    assert (weights.departure() < 1e-5).all()


def test_weights_are_those_of_the_models_own_step(window):
    forecaster, data = window
    moved = make_forecaster(forecaster.config)
    with torch.no_grad():
        for parameter in moved.model.parameters():
            parameter.add_(0.1)
        own = moved.model.difference_weights(moved.normalizer.transform(data))
    weights = learned_weights(moved, data)
    scale = float(moved.normalizer.laplacian_scale)
    np.testing.assert_allclose(weights.laplacian * scale, own.laplacian[:, :, 0], rtol=1e-4)
    assert weights.departure().max() > 1e-3


def test_models_without_learned_weights_have_none(window, tmp_path):
    forecaster, data = window
    for options in ({"name": "persistence"}, {"name": "fixed_operators", "hidden_channels": 8}):
        assert learned_weights(make_forecaster(replace(forecaster.config, model=options)), data) is None


def test_departure_by_hand():
    # Node 0 has edges of reference 1 and 3 (mean size 2), moved by 1 and 1; node 1 one of −2, moved by 3; node 2 none.
    learned = np.array([[2.0], [4.0], [1.0]])
    reference = np.array([1.0, 3.0, -2.0])
    weights = LearnedWeights(learned, learned, reference, reference, np.array([0, 0, 1]), 3)
    np.testing.assert_allclose(weights.departure(), [0.5, 1.5, np.nan])


def test_the_kernels_that_moved_most_are_shown():
    reference = np.ones(4)
    learned = 1.0 + np.array([0.0, 3.0, 0.1, 2.0, -5.0, 1.0])[None, :] * np.ones((4, 1))
    weights = LearnedWeights(learned, learned, reference, reference, np.zeros(4, dtype=int), 1)
    assert weights.farthest(4) == [1, 3, 4, 5] and weights.farthest(9) == [0, 1, 2, 3, 4, 5]


def test_the_figure_has_units_and_a_line_where_nothing_moved(rng):
    mesh = icosphere(1)
    reference = rng.uniform(1, 2, size=mesh.edge_index.shape[1])
    learned = np.stack([reference, reference + 1.0], axis=1)
    weights = LearnedWeights(learned, learned, reference, reference, mesh.edge_index[1], 42)
    figure = weights_figure(weights, Stage.of(mesh.pos, mesh.face, mesh.edge_index), "m")
    gradient, _, laplacian, *_, bar = figure.axes
    assert gradient.get_ylabel() == "learned gradient [m⁻¹]" and laplacian.get_xlabel() == "reference Laplacian [m⁻²]"
    np.testing.assert_array_equal(gradient.lines[0].get_xdata(), gradient.lines[0].get_ydata())
    centres = gradient.collections[0].get_offsets()
    cell = 3.0 / 42  # the axes span about three units of weight, the hexagons a 42nd of it
    assert np.abs(centres[:, 0] - centres[:, 1]).max() < 2 * cell  # the first kernel did not move
    assert "dimensionless" in bar.get_ylabel()
