"""FiniteElementNetwork: Galerkin equations cell by cell, exact fields, the solver, rigid motions, batches."""

from __future__ import annotations

import builtins
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from pdgn.data import Context, MeshRecord, build_sample
from pdgn.mesh import TriMesh, grid, icosphere, knn_graph, torus
from pdgn.models import Channels, FiniteElementNetwork
from pdgn.models.finite_element_cells import cells_of, edge_features
from pdgn.models.finite_element_solver import integrate
from pdgn.rollout import rollout
from pdgn.training import read_metrics, train
from pdgn.training.halo_reach import reach_of
from tests.nn.graphs import normal, randomise
from tests.training.tiny import tiny_config, write_dataset

CHANNELS = Channels(2, 1, 1, 1)
SMALL = {"hidden_channels": 5, "num_layers": 2, "method": "rk4", "max_steps": 3}
TIGHT = {"method": "dopri5", "rtol": 1e-9, "atol": 1e-9, "max_steps": 100}
TOLERANCE = 1e-9  # float64 round-off of a few steps of order one is below 1e-12


def sample(mesh: TriMesh | MeshRecord, channels: Channels = CHANNELS, seed: int = 0, frames: int = 4) -> Data:
    """One observed frame of seeded numbers on a mesh, everything in float64."""
    record = mesh if isinstance(mesh, MeshRecord) else MeshRecord.from_mesh(mesh)
    empty = np.zeros((frames, record.num_nodes, channels.signal))
    data = build_sample(record, empty[:1], None, empty[1:], None, np.arange(float(frames)), Context())
    data = data.apply(lambda values: values.double() if values.is_floating_point() else values)
    vectors = torch.from_numpy(record.pos)[data.face]  # not rounded to float32
    if record.period is None:
        data.cell_vector = (vectors[1:] - vectors[0]).transpose(0, 1)
    count, edges = record.num_nodes, record.num_edges
    data.x = normal(count, 1, channels.signal, seed=seed)
    data.forcing = normal(count, frames, channels.forcing, seed=seed + 1)
    data.node_context = normal(count, channels.node_context, seed=seed + 2)
    data.edge_context = normal(edges, channels.edge_context, seed=seed + 3)
    data.increment_scale = normal(1, channels.signal, seed=seed + 4).abs() + 0.1
    data.length_scale = torch.tensor([0.7], dtype=torch.float64)
    return data


def build(channels=CHANNELS, **options):
    return randomise(FiniteElementNetwork(channels, **{**SMALL, **options}), scale=0.5)


def constant(model, coefficient=0.0, velocity=None):
    """Networks that say the same of every triangle."""
    with torch.no_grad():
        for network, values in ((model.free_form, coefficient), (model.transport, velocity)):
            if network is not None:
                network[-1].weight.zero_()
                network[-1].bias.copy_(torch.as_tensor(values, dtype=torch.float64).expand_as(network[-1].bias))
    return model


def rate(model, data, frame, index=0, time=0.0):
    """∂u/∂t as the model has it, all graphs at once."""
    cells, scale = model.start(data).cells[0], data.increment_scale.expand(len(frame), -1)
    forcing = cells.at_corners(data.forcing[:, index : index + 2].flatten(1))
    return model.rate(cells, scale, forcing)(torch.tensor(time, dtype=torch.float64), frame)


def written_out(model, data, frame, index=0, time=0.0):
    """Triangle by triangle, in numbers; gradients by solving for them."""
    edge = {pair: number for number, pair in enumerate(map(tuple, data.edge_index.t().tolist()))}
    total, mass = torch.zeros_like(frame), torch.zeros(len(frame), 1, dtype=torch.float64)
    forcing = (1 - time) * data.forcing[:, index] + time * data.forcing[:, index + 1]
    for face, (first, second) in zip(data.face.t().tolist(), data.cell_vector / data.length_scale):
        a, b = first.norm(), second.norm()
        cosine = (first @ second) / (a * b)
        points = torch.stack([torch.zeros(2).double(), torch.stack([a, 0 * a]),
                              b * torch.stack([cosine, (1 - cosine**2).sqrt()])])  # fmt: skip
        sides = [edge[(face[k], face[(k + 1) % 3])] for k in range(3)]
        told = [points - points.mean(0), data.node_context[face], data.edge_context[sides], frame[face], forcing[face]]
        known = torch.cat([values.flatten() for values in told])
        moves = model.free_form(known).view(3, -1)
        if model.transport is not None:
            slope = torch.linalg.solve(points[1:], frame[face[1:]] - frame[face[0]])  # [2, C]
            moves = moves - (model.transport(known).view(-1, 2) * slope.t()).sum(1)
        area = 0.5 * a * b * (1 - cosine**2).sqrt()
        for corner, node in enumerate(face):
            total[node] += area / 3 * moves[corner]
            mass[node] += area / 3
    return data.increment_scale * total / mass


@pytest.mark.parametrize("transport", [False, True], ids=["FEN", "T-FEN"])
def test_the_rate_is_the_galerkin_equation(transport):
    model, data = build(transport=transport), sample(torus(1.0, 0.4, 5, 4))
    frame = data.x[:, 0]
    given, wanted = rate(model, data, frame, 1, 0.3), written_out(model, data, frame, 1, 0.3)
    assert torch.allclose(given, wanted, atol=1e-12)


@pytest.mark.parametrize("frame", ["cell", "axes"])
def test_the_coefficient_one_raises_every_node_at_the_same_rate(frame):
    model, data = constant(build(frame=frame), 1.0), sample(grid(5, 4))
    given = rollout(model, data, 3)
    for step in range(3):
        assert torch.allclose(given[:, step], data.x[:, 0] + (step + 1) * data.increment_scale, atol=TOLERANCE)


def test_transport_of_an_affine_field_is_exact_in_space_and_time():
    """u = a + g·x moved by v is u − t v·g, at the boundary too."""
    velocity, slope = torch.tensor([0.6, -0.3]).double(), torch.tensor([[1.0, -2.0], [0.5, 3.0]]).double()
    model, data = build(frame="axes", transport=True, **TIGHT), sample(grid(6, 5, (2.0, 1.0)))
    data.increment_scale = torch.ones_like(data.increment_scale)
    constant(model, 0.0, velocity.repeat(2))
    place = data.pos[:, :2].double() / data.length_scale
    data.x = (place @ slope + 4.0).unsqueeze(1)
    given = rollout(model, data, 2)
    for step in range(2):
        assert torch.allclose(given[:, step], data.x[:, 0] - (step + 1) * velocity @ slope, atol=1e-5)  # float32 pos


@pytest.mark.parametrize("periodic", [False, True])
def test_gradients_of_linear_fields_on_a_plane_and_across_its_seam(periodic):
    data = sample(grid(6, 5, (3.0, 2.5), periodic=periodic))
    (cells,) = cells_of(data, "axes", split=False)
    values = (
        data.cell_vector[..., :2] @ torch.tensor([2.0, -1.0]).double()
    ) / data.length_scale  # u_1 − u_0, u_2 − u_0
    corners = torch.cat([torch.zeros(len(values), 1).double(), values], dim=1).unsqueeze(2)
    assert torch.allclose(cells.gradient(corners)[:, 0], torch.tensor([2.0, -1.0]).double(), atol=1e-9)
    assert torch.allclose(cells.assemble(torch.ones(len(values), 3, 1).double()), torch.ones(30, 1).double())


def test_gradients_in_the_frame_of_a_cell_have_the_length_of_those_on_the_surface():
    mesh = icosphere(2)
    data = sample(mesh)
    (cells,) = cells_of(data, "cell", split=False)
    height = torch.from_numpy(mesh.pos[:, 2:])
    normal_ = np.cross(data.cell_vector[:, 0], data.cell_vector[:, 1])
    normal_ /= np.linalg.norm(normal_, axis=1, keepdims=True)
    wanted = 0.7 * np.sqrt(1 - normal_[:, 2] ** 2)  # ∇z is e_z without its normal part; lengths are in units of 0.7
    assert np.allclose(cells.gradient(cells.at_corners(height)).norm(dim=2)[:, 0].numpy(), wanted, atol=1e-12)


def test_what_the_cells_hand_out_is_what_the_nodes_receive():
    """Σ_i M_i ∂u_i = Σ_c A_c/3 Σ_k f_ck: the total changes by the coefficients alone, so that nothing is conserved."""
    model, data = build(), sample(icosphere(1))
    data.increment_scale = torch.ones_like(data.increment_scale)
    frame, seen = data.x[:, 0], []
    hook = model.free_form.register_forward_hook(lambda module, given, out: seen.append(out))
    change = (data.mass.unsqueeze(1) * rate(model, data, frame)).sum(0)
    hook.remove()
    area = 0.5 * torch.linalg.cross(*data.cell_vector.unbind(1)).norm(dim=1)
    wanted = (area[:, None, None] / 3 * seen[0].view(-1, 3, 2)).sum((0, 1))
    assert torch.allclose(change, wanted, rtol=1e-5)  # the mass is of float32
    assert wanted.abs().min() > 1e-2


@pytest.mark.parametrize(("method", "steps", "tolerance"), [("dopri5", 100, 1e-8), ("bosh3", 1000, 1e-8),
                                                            ("rk4", 32, 1e-5)])  # fmt: skip
def test_a_linear_equation_is_solved_as_by_its_exponential(method, steps, tolerance):
    """Transport by a constant velocity is ∂u = A u; A column by column from the model itself."""
    channels = Channels(1)
    model = build(channels, transport=True, frame="axes", **{**TIGHT, "method": method, "max_steps": steps})
    constant(model, 0.0, [0.4, 0.3])
    data = sample(grid(4, 4), channels)
    one = data.clone()
    matrix = torch.stack([rate(model, one, column.unsqueeze(1))[:, 0] for column in torch.eye(16).double()], dim=1)
    wanted = torch.linalg.matrix_exp(matrix) @ data.x[:, 0]
    assert (wanted - data.x[:, 0]).abs().max() > 0.1
    assert torch.allclose(rollout(model, data, 1)[:, 0], wanted, atol=tolerance)


def test_a_fixed_method_has_its_order():
    def error(steps):
        result = integrate(lambda t, u: torch.cos(t) * u, torch.ones(1, 1).double(), "rk4", (1e-6, 1e-6), steps)
        return abs(result.item() - np.exp(np.sin(1.0)))

    assert 3.7 < np.log2(error(32) / error(64)) < 4.3


def test_steps_are_no_shorter_than_asked_and_blow_up_is_not_a_number():
    calls = []

    def stiff(time, values):
        calls.append(1)
        return -1e6 * values * torch.sin(1e4 * values)

    result = integrate(stiff, torch.ones(3, 1), "dopri5", (1e-9, 1e-9), 20)
    assert len(calls) < 20 * 6 * 3 and result.shape == (3, 1)
    assert (
        integrate(lambda time, values: values**2 * 1e3, torch.ones(3, 1) * 1e30, "dopri5", (1e-6, 1e-6), 9)
        .isnan()
        .all()
    )


@pytest.mark.parametrize("transport", [False, True], ids=["FEN", "T-FEN"])
@pytest.mark.parametrize("frame", ["cell", "axes"])
def test_symmetries_are_those_declared(frame, transport):
    model = build(frame=frame, transport=transport)
    mesh = grid(5, 4, (1.2, 1.0))
    pos = mesh.pos + np.column_stack([0.05 * np.random.default_rng(0).normal(size=(20, 2)), np.zeros(20)])
    turn = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    moved = {"translation": pos + [3.0, -2.0, 0.0], "rotation": pos @ turn.T, "reflection": pos * [1.0, -1.0, 1.0],
             "scaling of lengths": 3 * pos}  # fmt: skip
    wanted = rollout(model, sample(TriMesh(pos, mesh.face)), 2)
    for symmetry, places in moved.items():
        given = rollout(model, sample(TriMesh(places, mesh.face)), 2)
        assert torch.allclose(given, wanted, atol=TOLERANCE) is (symmetry in model.symmetries), symmetry
    data = sample(TriMesh(pos, mesh.face))
    for symmetry, other, back in (("addition of a constant", data.x + 2, wanted + 2),
                                  ("scaling of the signal", 3 * data.x, 3 * wanted)):  # fmt: skip
        assert symmetry not in model.symmetries
        data.x = other
        assert not torch.allclose(rollout(model, data, 2), back, atol=1e-3)


def test_a_surface_in_space_may_be_turned():
    model, mesh = build(transport=True), torus(1.0, 0.4, 6, 5)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    given = rollout(model, sample(TriMesh(mesh.pos @ turn.T + 2.0, mesh.face)), 2)
    assert torch.allclose(given, rollout(model, sample(mesh), 2), atol=TOLERANCE)


def test_nodes_may_be_relabelled():
    model, mesh = build(transport=True), torus(1.0, 0.4, 6, 5)
    order = np.random.default_rng(2).permutation(mesh.num_vertices)
    rank = np.argsort(order)
    data, other = sample(mesh), sample(TriMesh(mesh.pos[order], rank[mesh.face]))
    for name in ("x", "forcing", "node_context"):
        other[name] = data[name][order]
    number = {tuple(pair): place for place, pair in enumerate(data.edge_index.t().tolist())}
    pairs = [tuple(order[pair]) for pair in other.edge_index.t().numpy()]
    other.edge_context = data.edge_context[[number[pair] for pair in pairs]]
    assert torch.allclose(rollout(model, other, 2), rollout(model, data, 2)[order], atol=TOLERANCE)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_a_batch_is_its_samples(method):
    model, one, two = (
        build(transport=True, method=method, rtol=1e-4, atol=1e-4),
        sample(icosphere(1)),
        sample(grid(4, 3), seed=9),
    )
    batch = Batch.from_data_list([one, two])
    given = rollout(model, batch, 2)
    assert torch.allclose(given, torch.cat([rollout(model, one, 2), rollout(model, two, 2)]), atol=1e-12)


def test_a_graph_that_diverges_leaves_the_others_of_its_batch_alone():
    model, one, two = (
        build(Channels(2, 1, 1, 0)),
        *(sample(icosphere(1), Channels(2, 1, 1, 0), seed) for seed in (0, 5)),
    )
    alone = rollout(model, two, 2)
    one.x = one.x * torch.inf
    given = rollout(model, Batch.from_data_list([one, two]), 2)
    assert given[:42].isnan().all() and torch.allclose(given[42:], alone, atol=1e-12)


def test_sides_that_are_no_edges_are_told_nothing():
    pos = np.column_stack([np.random.default_rng(3).uniform(size=(30, 2)), np.zeros(30)])
    record = MeshRecord.from_sensors(pos, knn_graph(pos, 3))
    data = sample(record)
    given = edge_features(data, data.edge_context, data.face).view(-1, 3)
    known = {tuple(pair): value for pair, value in zip(data.edge_index.t().tolist(), data.edge_context[:, 0].tolist())}
    wanted = [[known.get((cell[k], cell[(k + 1) % 3]), 0.0) for k in range(3)] for cell in data.face.t().tolist()]
    assert given.tolist() == wanted and (given == 0).any() and (given != 0).any()
    assert rollout(build(frame="axes"), data, 1).isfinite().all()


def test_a_fresh_model_is_persistence():
    data = sample(icosphere(1))
    given = rollout(FiniteElementNetwork(CHANNELS, transport=True).double(), data, 2)
    assert torch.allclose(given, data.x.expand(-1, 2, -1), atol=1e-13)  # the solver interpolates


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_every_parameter_gets_a_gradient_and_the_same_by_recomputation(method):
    model, data = build(method=method, transport=True, max_steps=10), sample(icosphere(1))
    rollout(model, data, 2).square().sum().backward()
    grads = [parameter.grad.clone() for parameter in model.parameters()]
    assert all(grad.abs().max() > 0 for grad in grads)
    model.zero_grad()
    rollout(model, data, 2, recompute=True).square().sum().backward()
    assert all(torch.equal(grad, parameter.grad) for grad, parameter in zip(grads, model.parameters()))


@pytest.mark.parametrize("transport", [False, True], ids=["FEN", "T-FEN"])
def test_gradient_of_a_step(transport):
    channels = Channels(1, 1, 1, 1)
    model, data = build(channels, transport=transport), sample(grid(3, 3), channels)
    state, observed = model.start(data), torch.ones(9, dtype=torch.bool)
    frame = data.x[:, 0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda frame: model.step(frame, state, data, 0, observed)[0], frame)


def test_sizes():
    """Four hidden layers of 96, told three positions and three values of one channel; two networks for T-FEN."""
    hidden = (3 * (2 + 1) + 1) * 96 + 3 * 97 * 96
    sizes = [sum(p.numel() for p in FiniteElementNetwork(Channels(1), transport).parameters()) for transport in (0, 1)]
    assert sizes == [hidden + 97 * 3, 2 * hidden + 97 * 3 + 97 * 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rtol": 0.0}, r"^rtol: wanted a positive number, given 0\.0$"),
        ({"max_steps": 0}, r"^max_steps: wanted an integer ≥ 1, given 0$"),
        ({"frame": "axis"}, r"^frame: unknown 'axis'; did you mean 'axes'\? valid: axes, cell$"),
        ({"method": "rk5"}, r"^method: unknown 'rk5'; did you mean "),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        FiniteElementNetwork(CHANNELS, **options)


def test_samples_without_triangles_and_axes_on_surfaces_are_refused():
    data = sample(icosphere(1))
    with pytest.raises(ValueError, match=r"^frame: wanted 'cell' for triangles that leave a plane z = constant by "):
        rollout(build(frame="axes"), data, 1)
    data.face = data.face[:, :0]
    with pytest.raises(ValueError, match=r"^data\.face: wanted triangles \[3, F\] .*, given F = 0$"):
        rollout(build(), data, 1)
    del data.face
    with pytest.raises(ValueError, match=r"^data\.face: wanted triangles \[3, F\] .*, given none$"):
        rollout(build(), data, 1)


def test_parts_of_a_mesh_are_refused():
    with pytest.raises(ValueError, match=r"^training\.parts: wanted a model .* given FiniteElementNetwork without"):
        reach_of(build())


def test_missing_torchdiffeq_is_said(monkeypatch):
    imported = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "torchdiffeq":
            raise ModuleNotFoundError("No module named 'torchdiffeq'")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"^model 'fen': wanted the package torchdiffeq.*'pdgn\[baselines\]'$"):
        FiniteElementNetwork(CHANNELS)


def test_trains_end_to_end(tmp_path):
    data, training = write_dataset(tmp_path / "tiny.h5"), {"truth_decay": None, "learning_rate": 0.02, "epochs": 2}
    config = tiny_config(data, tmp_path / "runs", **training)
    model = {"name": "fen", "hidden_channels": 8, "num_layers": 2, "transport": True, "rtol": 1e-2, "atol": 1e-2}
    losses = [row["valid/loss"] for row in read_metrics(train(replace(config, model=model)) / "metrics.csv")]
    assert len(losses) == 2 and losses[1] < 0.8 * losses[0]
