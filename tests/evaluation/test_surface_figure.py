"""The surface figure: scales, times, colours that mean the value."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure

from pdgn.evaluation.example import Example
from pdgn.evaluation.palette import ERROR_MAP, MISSING_COLOUR, SIGNAL_MAP
from pdgn.evaluation.surface_drawing import AMBIENT, Stage
from pdgn.evaluation.surface_figure import chosen_steps, colour_scales, surface_figure
from pdgn.mesh import grid, icosphere, knn_graph


@pytest.fixture(autouse=True)
def _few_faces(monkeypatch):
    monkeypatch.setattr("pdgn.evaluation.surface_drawing.MAX_FACES", 500)  # pictures need more, these tests do not


def stage_of(mesh):
    return Stage.of(mesh.pos, mesh.face, mesh.edge_index, mesh.edge_vector, mesh.period)


def example_on(stage, nodes, steps=6, **options):
    truth = np.linspace(-1.0, 2.0, nodes)[:, None] * np.ones(steps)
    mask = np.ones((nodes, steps), dtype=bool)
    return Example("title", stage, truth, truth + 0.25, mask, 0.1 * np.arange(1, steps + 1), "T", "K", "h", **options)


def test_steps_are_spread_from_the_first_to_the_last():
    assert chosen_steps(1) == [0] and chosen_steps(3) == [0, 1, 2]
    assert chosen_steps(100) == [0, 33, 66, 99]


def test_truth_sets_the_signal_scale_and_the_error_scale_is_symmetric():
    truth = np.array([[1.0, np.nan], [3.0, 2.0]])
    signal, error = colour_scales(truth, np.array([[0.1, np.nan], [-0.4, 0.0]]))
    assert signal.get_clim() == (1.0, 3.0) and error.get_clim() == (-0.4, 0.4)
    assert (signal.get_cmap().name, error.get_cmap().name) == (SIGNAL_MAP, ERROR_MAP)
    _, wild = colour_scales(truth, np.array([[1e9]]))
    assert wild.get_clim() == (-4.0, 4.0)  # a diverged forecast does not hide everything else
    constant, _ = colour_scales(np.full((2, 2), 5.0), np.zeros((2, 2)))
    assert constant.get_clim()[0] < 5.0 < constant.get_clim()[1]


def test_three_rows_share_their_scales_and_every_bar_has_a_unit():
    figure = surface_figure(example_on(stage_of(icosphere(1)), 42))
    *panels, signal, error = figure.axes
    assert len(panels) == 12
    assert [axes.get_title() for axes in panels[:4]] == ["t = 0.1 h", "t = 0.3 h", "t = 0.4 h", "t = 0.6 h"]
    assert (signal.get_ylabel(), error.get_ylabel()) == ("T [K]", "error [K]")
    assert signal.get_ylim() == pytest.approx((-1.0, 2.0)) and error.get_ylim() == pytest.approx((-0.25, 0.25))


def test_faces_have_the_colour_of_their_value_darkened_by_no_more_than_the_shade():
    mesh = icosphere(1)
    axes, colours = Figure().subplots(), ScalarMappable(Normalize(0.0, 2.0), SIGNAL_MAP)
    stage_of(mesh).draw(axes, np.ones(42), colours)
    drawn = axes.collections[0].get_facecolor()
    middle = np.array(colours.to_rgba(1.0))
    ratio = drawn[:, :3] / middle[:3]
    assert len(drawn) == 80 * 4 and ratio.min() >= AMBIENT - 1e-12 and ratio.max() <= 1.0 + 1e-12
    np.testing.assert_allclose(np.ptp(ratio, axis=1), 0.0, atol=1e-12)  # the hue is the value's own


def test_the_nearest_face_is_drawn_last():
    mesh = icosphere(1)
    stage, axes = stage_of(mesh), Figure().subplots()
    values = mesh.pos @ stage.view.toward
    stage.draw(axes, values, ScalarMappable(Normalize(-1.0, 1.0), "gray"))
    grey = axes.collections[0].get_facecolor()[:, 0]
    assert grey[-50:].min() > 0.5 > 0.2 > grey[:50].max()


def test_a_value_that_is_missing_is_grey():
    values = np.array([0.0, np.nan, 1.0, 0.5])
    pos = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1.5, 0]])
    axes = Figure().subplots()
    Stage.of(pos, None, knn_graph(pos, 2)).draw(axes, values, ScalarMappable(Normalize(0, 1), SIGNAL_MAP))
    faces = axes.collections[-1].get_facecolor()
    assert (np.abs(faces - to_rgba(MISSING_COLOUR)).max(1) < 1e-6).sum() == 1


def test_a_periodic_square_is_one_map_without_faces_across_it():
    mesh = grid(5, 5, (1.0, 1.0), periodic=True)
    stage = stage_of(mesh)
    assert stage.flat and np.ptp(stage.corners, axis=1).max() < 0.21  # one cell is 0.2 wide
    figure = surface_figure(example_on(stage, len(mesh.pos), length_unit="m"))
    assert figure.axes[8].get_xlabel() == "1 × 1 m"


def test_links_of_a_sensor_graph_are_drawn_once_and_not_across_a_periodic_domain():
    pos = np.array([[0.05, 0.5, 0], [0.5, 0.5, 0], [0.95, 0.5, 0]])
    edges = np.array([[1, 2, 0, 2, 0, 1], [0, 0, 1, 1, 2, 2]])
    vector = pos[edges[0]] - pos[edges[1]]
    vector -= np.round(vector)
    assert len(Stage.of(pos, None, edges, vector).segments) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_diverged_prediction_is_drawn_all_the_same(value):
    example = example_on(stage_of(icosphere(0)), 12)
    example.prediction[3, 2:] = value
    figure = surface_figure(example)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    assert np.asarray(canvas.buffer_rgba())[..., :3].std() > 1  # a picture, not a blank page
