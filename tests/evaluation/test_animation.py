"""The animation: one frame per step, all models on the scale of the truth, small."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pdgn.evaluation.animation import FOOT, PANEL, TITLE, animated_steps, animation
from pdgn.evaluation.example import Example
from pdgn.evaluation.surface_drawing import Stage
from pdgn.mesh import grid

MESH = grid(6, 6, (1.0, 1.0))


def example(prediction: float, steps: int = 5) -> Example:
    """A truth that rises from 0 to 1, the same everywhere, and a constant prediction."""
    stage = Stage.of(MESH.pos, MESH.face, MESH.edge_index)
    truth = np.linspace(0.0, 1.0, steps) * np.ones((36, 1))
    mask = np.ones((36, steps), dtype=bool)
    return Example(
        "x", stage, truth, np.full_like(truth, prediction), mask, 0.1 * np.arange(1, steps + 1), "u", "K", "h"
    )


def test_all_steps_are_shown_up_to_sixty():
    assert animated_steps(3) == [0, 1, 2]
    assert len(animated_steps(500)) == 60 and animated_steps(500)[0] == 0 and animated_steps(500)[-1] == 499


def test_truth_moves_from_dark_to_bright_and_a_prediction_stays():
    content = animation({"padgn": example(1.0), "persistence": example(0.0)})
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 5 and image.size[1] == TITLE + PANEL + FOOT and len(content) < 200_000
        frames = []
        for number in range(5):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")).astype(float))
    middle = TITLE + PANEL // 2
    truth, model, persistence = (
        np.array([frame[middle, PANEL * place + PANEL // 2] for frame in frames]) for place in range(3)
    )
    dark, bright = np.array([68, 1, 84]), np.array([253, 231, 37])  # the ends of viridis
    np.testing.assert_allclose(truth[[0, -1]], [dark, bright], atol=12)  # lossy compression
    np.testing.assert_allclose(model, [bright] * 5, atol=12)
    np.testing.assert_allclose(persistence, [dark] * 5, atol=12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_diverged_prediction_is_grey(value):
    with Image.open(io.BytesIO(animation({"padgn": example(value, steps=2)}))) as image:
        pixel = np.asarray(image.convert("RGB"))[TITLE + PANEL // 2, PANEL + PANEL // 2]
    np.testing.assert_allclose(pixel, [200] * 3, atol=8)
