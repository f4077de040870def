"""Experiment 1: exact targets, honest parts, and quick training steps that are those of the layers."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from experiments.directional import MODELS, run_row, training
from experiments.directional.adam import FlatAdam
from experiments.directional.edge_model import ends
from experiments.directional.functions import PLANE, zonal_cubic
from experiments.directional.geometry import plane_points, sphere_points
from experiments.directional.models import ROWS, NetworkModel
from experiments.directional.problem import SPHERE, exact_targets, make_problem, problems
from experiments.directional.published import PublishedGN
from experiments.directional.table import table
from experiments.directional.training import error, train
from pdgn.mesh import knn_graph
from tests.nn.graphs import randomise

# In float64; results are of size 1.
ROUND_OFF = 1e-12


def generator(seed=0):
    return np.random.default_rng(seed)


def double(name):
    """A problem in float64."""
    points = sphere_points(generator()) if name == SPHERE else plane_points(generator())
    function = zonal_cubic(np.array([0.48, -0.6, 0.64])) if name == SPHERE else PLANE[name]
    return make_problem(points, function, generator(1), dtype=torch.float64)


FORMULAS = {
    "0.1x²+0.5y²": lambda p: 0.1 * p[0] ** 2 + 0.5 * p[1] ** 2,
    "sin x+cos y": lambda p: torch.sin(p[0]) + torch.cos(p[1]),
}


@pytest.mark.parametrize("name", PLANE)
def test_targets_of_the_plane_against_automatic_differentiation(name):
    problem = double(name)
    source, target = problem.edge_index
    for edge in range(0, len(source), 37):
        here, there = problem.context[target[edge]], problem.context[source[edge]]
        value, slope = torch.func.jvp(FORMULAS[name], (here,), ((there - here) / (there - here).norm(),))
        torch.testing.assert_close(problem.target[edge], slope, rtol=0, atol=ROUND_OFF)
        torch.testing.assert_close(problem.signal[target[edge], 0], value, rtol=0, atol=ROUND_OFF)


def test_targets_of_the_sphere_are_derivatives_along_great_circles():
    points, axis = sphere_points(generator()), np.array([0.48, -0.6, 0.64])
    edges = knn_graph(points.pos, 4)
    targets, axis = exact_targets(points, zonal_cubic(axis), edges), torch.tensor(axis)
    length = np.linalg.norm(points.offset(edges), axis=1)
    for edge in range(0, edges.shape[1], 37):
        there, here = torch.tensor(points.pos[edges[:, edge]])
        angle = torch.arccos(here @ there)
        tangent = (there - torch.cos(angle) * here) / torch.sin(angle)

        def along(arc, here=here, tangent=tangent):
            z = (torch.cos(arc) * here + torch.sin(arc) * tangent) @ axis
            return (5 * z**3 - 3 * z) / 2

        zero = torch.zeros((), dtype=torch.float64)
        slope = torch.func.grad(along)(zero)
        assert abs(targets[edge] - slope.item()) < ROUND_OFF
        assert abs(length[edge] - angle.item()) < ROUND_OFF


def test_each_edge_is_in_one_part_and_seven_tenths_are_trained_on():
    for problem in problems(3).values():
        number = problem.edge_index.size(1)
        parts = [problem.train, problem.validation, problem.test]
        assert torch.cat(parts).sort().values.equal(torch.arange(number))
        np.testing.assert_allclose([len(part) / number for part in parts], [0.7, 0.1, 0.2], atol=1 / number)


def test_a_seed_draws_the_points_and_the_parts():
    first, again, other = problems(0), problems(0), problems(1)
    for name in first:
        assert first[name].context.equal(again[name].context) and first[name].train.equal(again[name].train)
        assert not first[name].context.equal(other[name].context)


def derivative_of_everywhere(model, edges):
    """By automatic differentiation through the whole graph."""
    model.zero_grad(set_to_none=False)
    if isinstance(model, PublishedGN):
        signal, (source, target) = model.problem.signal[:, 0], model.problem.edge_index
        numbers = [network(torch.arange(len(source))) for network in model.networks]
        result = model.value(numbers, signal[target], signal[source])
    elif isinstance(model, NetworkModel) and not hasattr(model, "layer"):
        problem = model.problem
        node = torch.cat([problem.signal, problem.context], dim=1)
        weight = model.network(node, problem.edge_index, problem.length)[:, 0]
        source, target = problem.edge_index
        step = problem.signal[source, 0] - problem.signal[target, 0]
        result = weight * (step if type(model).__name__ == "OneWeight" else 1)
    else:
        result = model.everywhere()
    (result[edges] - model.problem.target[edges]).square().mean().backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), result.detach()


@pytest.mark.parametrize("name", ["sin x+cos y", SPHERE])
@pytest.mark.parametrize("row", [name for name, row in ROWS.items() if row.trainable])
def test_a_quick_step_is_the_layers_own(row, name):
    model = randomise(ROWS[row](double(name)), scale=0.2)
    edges = torch.tensor([5, 0, 77, 300, 301, 5])
    FlatAdam(model, 1e-3).zero_grad()
    model.add_gradient(edges)
    quick = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    slow, result = derivative_of_everywhere(model, edges)
    torch.testing.assert_close(model(edges).detach(), result[edges], rtol=1e-10, atol=ROUND_OFF)
    torch.testing.assert_close(quick, slow, rtol=1e-9, atol=1e-10 * slow.abs().max().item())
    assert slow.abs().max() > 1e-5
    torch.testing.assert_close(model.everywhere().detach(), result, rtol=1e-10, atol=ROUND_OFF)


def test_published_weights_are_used_as_published():
    """w f_j − f_i and w¹ (f_j − w² f_i): there are weights with which they are 0 and finite differences."""
    problem = double("sin x+cos y")
    near, far = (end.numpy() for end in ends(problem))
    ratio = near / far
    assert np.abs(ROWS["one-weight"](problem).value([ratio], near, far)).max() < ROUND_OFF
    length = problem.length[:, 0].numpy()
    found = ROWS["sdl"](problem).value([1 / length, np.ones_like(near)], near, far)
    torch.testing.assert_close(torch.from_numpy(found), ROWS["finite-difference"](problem).everywhere())
    two, one = (sum(p.numel() for p in ROWS[name](problem).parameters()) for name in ("sdl", "one-weight"))
    assert two == 2 * one


def test_published_rows_are_trained_as_published(monkeypatch):
    problem = problems(0)["sin x+cos y"]
    assert {ROWS[name].decay for name in ("mlp", "gn", "one-weight", "sdl")} == {5e-4}
    assert ROWS["mlp"](problem).inputs.size(1) == 6 and ROWS["mlp-silu"](problem).inputs.size(1) == 7
    outcome = train(ROWS["mlp"](problem), 0, 60.0, "mlp", epochs=52)
    assert outcome.epoch in (1, 51)  # and nowhere else does it look
    drawn = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *given, **named: seen.append(given) or drawn(*given, **named))
    seen, model = [], ROWS["mlp"](problem)
    number = len(problem.train)
    train(model, 0, 60.0, "mlp", epochs=1)
    assert seen == [(number, (number // 16 * 16,))]  # with replacement
    used = []
    monkeypatch.setattr(training, "FlatAdam", lambda *given: used.append(given) or FlatAdam(*given))
    for name in ("mlp", "mlp-silu"):
        train(ROWS[name](problem), 0, 60.0, name, epochs=1)
    assert [given[1:] for given in used] == [(1e-3, 5e-4), (1e-3, 0.0)]


def test_the_free_layer_is_its_equation():
    model = randomise(ROWS["sdl-silu"](double("sin x+cos y")))
    problem = model.problem
    weights = model.layer.weights(problem.signal, problem.edge_index, problem.context, None, problem.length)
    f, result = problem.signal[:, 0], model.everywhere()
    for edge, (source, target) in enumerate(problem.edge_index.T.tolist()):
        w1, w2 = weights.gradient[edge, 0, 0], weights.gradient_ratio[edge, 0, 0]
        torch.testing.assert_close(result[edge], w1 * (f[source] - w2 * f[target]), rtol=1e-13, atol=ROUND_OFF)


@pytest.mark.parametrize("name", [*PLANE, SPHERE])
def test_a_fresh_layer_of_ours_is_fixed_moving_least_squares(name):
    problem = double(name)
    fresh, fixed = ROWS["ours"](problem).double(), ROWS["fixed-mls"](problem)
    source, target = problem.stencil.edge_index
    step = problem.signal[source, 0] - problem.signal[target, 0]
    gradient = torch.zeros(len(problem.signal), 2, dtype=torch.float64)
    gradient.index_add_(0, target, problem.stencil.reference.weights[:, :2] * step[:, None])
    wanted = (gradient[problem.edge_index[1]] * problem.direction).sum(dim=1)
    for model in (fresh, fixed):
        torch.testing.assert_close(model.everywhere().detach(), wanted, rtol=0, atol=1e-10)


def test_the_quadratic_is_exact_before_and_after_any_change():
    model = ROWS["ours"](double("0.1x²+0.5y²")).double()
    every = torch.arange(len(model.problem.target))
    assert error(model, every) < 1e-18
    assert error(randomise(model), every) < 1e-18


@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_adam_takes_the_steps_of_torch(decay):
    ours, theirs = (randomise(torch.nn.Linear(3, 2)) for _ in range(2))
    x = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    optimisers = FlatAdam(ours, 1e-2, decay), torch.optim.Adam(theirs.parameters(), lr=1e-2, weight_decay=decay)
    for _ in range(20):
        for model, optimiser in zip((ours, theirs), optimisers):
            optimiser.zero_grad()
            model(x).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-12, atol=0)


def test_training_leaves_the_state_that_was_best_on_validation_edges():
    problem = problems(0)["sin x+cos y"]
    torch.manual_seed(0)
    model = ROWS["gn-silu"](problem)
    before = error(model, problem.validation)
    outcome = train(model, 0, 60.0, "gn", epochs=4)
    assert outcome.epochs == 4 and not outcome.budget_limited and 1 <= outcome.epoch <= 4
    assert outcome.validation < 0.5 * before
    assert outcome.validation == error(model, problem.validation) and outcome.test == error(model, problem.test)
    limited = train(ROWS["gn-silu"](problem), 0, 0.0, "gn", epochs=4)
    assert limited.budget_limited and limited.epochs == 1


def test_rows_and_their_table(tmp_path):
    for model in ("finite-difference", "ours"):
        run_row(model, 0, tmp_path / f"{model}-0", 1.0, epochs=1)
    row = json.loads((tmp_path / "ours-0" / "metrics.json").read_text())
    assert row["experiment"] == "directional" and row["model"] == "ours" and row["seed"] == 0
    assert set(row["scores"]) == {*PLANE, SPHERE} and row["budget_limited"] is False
    assert not list(tmp_path.rglob("*.part"))
    lines = table(tmp_path).splitlines()
    assert len(lines) == 4 and lines[2].startswith("| finite-difference | ") and "| 6.42 |" in lines[2]
    with pytest.raises(ValueError, match="model: wanted one of finite-difference, .*, given nothing"):
        run_row("nothing", 0, tmp_path / "none", 1.0)
    assert "nothing" not in MODELS and not (tmp_path / "none").exists()
