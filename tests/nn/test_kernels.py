"""The compiled kernels against the PyTorch code that stands in for them, and what takes which path."""

from __future__ import annotations

import functools
import warnings
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from pdgn.nn import DifferenceWeights, EdgeLinear, GatedUpdate, spatial_difference
from pdgn.nn.edge_perceptron import edge_perceptron
from pdgn.nn.gated_unit import gated_edges, gated_rows
from pdgn.nn.incidence import incidence_of
from pdgn.nn.kernels import arguments, compiled
from pdgn.nn.perceptron import relu_perceptron
from pdgn.nn.segments import sum_at_source, sum_at_target
from pdgn.nn.transport import transport

needs_a_compiler = pytest.mark.skipif(compiled.library() is None, reason="no C compiler, or PDGN_KERNELS=0")
CLOSE = 1e-5  # of the largest number of a result, the promise of the kernels
NODES = 300
SHAPES = [(16, 1, 3), (16, 16, 16), (48, 20, 16), (64, 64, 3), (80, 145, 40), (64, 0, 64)]  # H, R, O


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def coarse(tensor):
    """Multiples of 1/8: first layers are then exact, and no ReLU is open on one path and shut on the other."""
    return (8 * tensor).round() / 8


def random(*shape, seed=0, spread=1.0):
    return coarse(spread * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)))


def graph(ordered=True, pairs=1200):
    """More edges than a slice of the kernels has, and no multiple of a block; a tenth of the nodes without edges."""
    generator = torch.Generator().manual_seed(5)
    edges = torch.randint(0, NODES * 9 // 10, (2, 2 * pairs - 1), generator=generator)
    return edges[:, torch.sort(edges[1], stable=True).indices] if ordered else edges


def results(function, inputs, seed=9):
    """Value and gradients, all weights of the gradient different."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]  # strides kept
    out = function(*leaves)
    grads = torch.autograd.grad((out * random(*out.shape, seed=seed)).sum(), leaves, allow_unused=True)
    return [out, *grads]


def assert_same(monkeypatch, function, inputs):
    """One kernel forward and one backward, and the numbers of the PyTorch path."""
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(arguments, "library", lambda: calls.append(1) or compiled.library())
        given = results(function, inputs)
    assert len(calls) == 2
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "library", lambda: None)
        expected = results(function, inputs)
    for one, other in zip(given, expected):
        if other is None or one is None:
            assert one is None or not one.any()
            continue
        assert one.shape == other.shape
        scale = other.abs().max().clamp(min=1e-3) if other.numel() else 1
        assert not other.numel() or (one - other).abs().max() < CLOSE * scale


class Rows(nn.Module):
    def __init__(self, width, inputs):
        super().__init__()
        self.linear, self.update = nn.Linear(inputs, 3 * width), GatedUpdate(width)

    def forward(self, x, hidden):
        return gated_rows(self.linear, self.update, x, hidden)


class Edges(nn.Module):
    def __init__(self, width, inputs, edges):
        super().__init__()
        self.linear, self.update, self.edges = EdgeLinear(5, inputs, 3 * width), GatedUpdate(width), edges

    def forward(self, node, edge, hidden):
        return gated_edges(self.linear, self.update, node, self.edges, edge, hidden)


class Perceptron(nn.Module):
    def __init__(self, width, inputs, outputs, edges, activation):
        super().__init__()
        self.hidden, self.out = EdgeLinear(5, inputs, width), nn.Linear(width, outputs)
        self.edges, self.activation = edges, activation

    def forward(self, x, edge):
        return edge_perceptron(x, edge, incidence_of(self.edges, NODES), self.hidden, self.out, self.activation)


def compare(monkeypatch, module, *inputs):
    """Both paths of a module, derivatives by its parameters too."""
    names, parameters = zip(*((name, coarse(parameter.detach())) for name, parameter in module.named_parameters()))

    def run(*given):
        return torch.func.functional_call(module, dict(zip(names, given)), given[len(names) :])

    assert_same(monkeypatch, run, [*parameters, *inputs])


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("rows", [1, 95, 97, 1700])
@pytest.mark.parametrize(("width", "inputs", "_"), [shape for shape in SHAPES if shape[1] > 0])
def test_gated_rows(monkeypatch, width, inputs, _, rows, count):
    with threads(count):
        compare(monkeypatch, Rows(width, inputs), random(rows, inputs, seed=1), random(rows, width, seed=2))


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("width", "inputs", "_"), SHAPES)
def test_gated_edges(monkeypatch, width, inputs, _, ordered, count):
    edges = graph(ordered)
    node, edge, hidden = random(NODES, 5), random(edges.size(1), inputs, seed=1), random(edges.size(1), width, seed=2)
    with threads(count):
        compare(monkeypatch, Edges(width, inputs, edges), node, edge, hidden)


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize(("width", "inputs", "outputs"), SHAPES)
def test_edge_perceptron(monkeypatch, width, inputs, outputs, activation, count):
    edges = graph(count == 1)
    module = Perceptron(width, inputs, outputs, edges, activation)
    with threads(count):
        compare(monkeypatch, module, random(NODES, 5), random(edges.size(1), inputs, seed=1))


WEIGHTS = {  # [E, K, C] as they come: packed, beside each other, of another order, one number an edge, one number
    "packed": lambda edges, kernels, channels, seed: random(edges, kernels, channels, seed=seed),
    "beside": lambda edges, kernels, channels, seed: random(edges, 2, kernels, channels, seed=seed)[:, 1],
    "turned": lambda edges, kernels, channels, seed: random(edges, channels, kernels, seed=seed).mT,
    "of edges": lambda edges, kernels, channels, seed: random(edges, 1, 1, seed=seed).expand(-1, kernels, channels),
    "one": lambda edges, kernels, channels, seed: torch.ones(()).expand(edges, kernels, channels),
}


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize(("kernels", "channels"), [(1, 1), (16, 1), (1, 64), (3, 5), (1, 17)])
@pytest.mark.parametrize("form", WEIGHTS)
def test_differences(monkeypatch, form, kernels, channels, which, count):
    edges = graph(ordered=count == 1)
    other = "packed" if form == "one" else form
    weights = [WEIGHTS[f](edges.size(1), kernels, channels, s) for s, f in enumerate((form, other, form, "packed"))]

    def run(x, *weights):
        found = spatial_difference(x, edges, DifferenceWeights(*weights))
        return torch.cat([found[n].flatten() for n in which])

    with threads(count):
        assert_same(monkeypatch, run, [random(NODES, channels, seed=7), *weights])


@needs_a_compiler
def test_derivatives_by_some_of_the_inputs(monkeypatch):
    edges, x = graph(), random(NODES, 5, seed=7)
    weights = [random(edges.size(1), 2, 5, seed=seed) for seed in range(4)]
    for chosen in range(4):

        def run(weight, chosen=chosen):
            given = DifferenceWeights(*weights[:chosen], weight, *weights[chosen + 1 :])
            return torch.cat([part.flatten() for part in spatial_difference(x, edges, given)])

        assert_same(monkeypatch, run, [weights[chosen]])


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("shape", [(1,), (1, 1), (2,), (2, 2), (3, 3), (5,), (5, 5), (12,), (12, 12)])
def test_transport(monkeypatch, shape, count):
    edges = graph(ordered=count == 1)
    weight, x = random(edges.size(1), *shape), random(NODES, shape[0], seed=7)

    def run(x, weight):
        return transport(x, incidence_of(edges, NODES), weight)

    with threads(count):
        assert_same(monkeypatch, run, [x, weight])
        assert_same(monkeypatch, lambda x: run(x, weight), [x])
        assert_same(monkeypatch, lambda weight: run(x, weight), [weight])
        turned = random(shape[0], NODES).t(), random(*shape, edges.size(1)).movedim(-1, 0)
        assert_same(monkeypatch, run, turned)


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("channels", [1, 5, 64])
def test_sums_at_nodes(monkeypatch, channels, count):
    edges = graph(ordered=False)
    sums, values = incidence_of(edges, NODES), random(edges.size(1), channels)
    with threads(count):
        for function in (sum_at_source, sum_at_target):
            given = function(values, sums)
            with monkeypatch.context() as patch:
                patch.setattr(compiled, "library", lambda: None)
                assert (given - function(values, sums)).abs().max() < CLOSE * given.abs().max()


class Relu(nn.Module):
    def __init__(self, width, inputs, outputs):
        super().__init__()
        self.hidden, self.out = nn.Linear(inputs, width), nn.Linear(width, outputs)

    def forward(self, x):
        return relu_perceptron(x, self.hidden, self.out)


@needs_a_compiler
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("rows", [1, 97, 1700])
@pytest.mark.parametrize(("width", "inputs", "outputs"), [shape for shape in SHAPES if shape[1] > 0])
def test_relu_perceptron(monkeypatch, width, inputs, outputs, rows, count):
    with threads(count):
        compare(monkeypatch, Relu(width, inputs, outputs), random(rows, inputs, seed=1))


@needs_a_compiler
def test_graph_without_edges(monkeypatch):
    edges = torch.empty(2, 0, dtype=torch.long)
    compare(monkeypatch, Edges(16, 3, edges), random(NODES, 5), random(0, 3), random(0, 16))
    compare(monkeypatch, Perceptron(16, 3, 2, edges, "relu"), random(NODES, 5), random(0, 3))


@needs_a_compiler
def test_memory_in_another_order(monkeypatch):
    edges = graph()
    x, hidden = random(5, 300, seed=1).t(), random(300, 32, seed=2)[:, ::2]
    compare(monkeypatch, Rows(16, 5), x, hidden)
    compare(monkeypatch, Perceptron(16, 3, 2, edges, "silu"), random(5, NODES).t(), random(3, edges.size(1)).t())
    columns = edges.t().contiguous().t()  # as edges come out of a table of pairs
    assert not columns.is_contiguous()
    weights = DifferenceWeights(*(random(edges.size(1), 2, 3, seed=seed) for seed in range(4)))
    for one, other in zip(*(spatial_difference(random(NODES, 3), index, weights) for index in (edges, columns))):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@needs_a_compiler
def test_gates_that_are_shut_and_open(monkeypatch):
    """Gates close to 0 and 1, where n hardly follows from h and h'; and of exactly 0 and 1, where it does not."""
    hidden = random(200, 16, seed=2)
    compare(monkeypatch, Rows(16, 5), random(200, 5, spread=20), hidden)
    assert all(tensor.isfinite().all() for tensor in results(Rows(16, 5), [random(200, 5, spread=1e6), hidden]))


@needs_a_compiler
def test_not_a_number_stays_one():
    module = Rows(16, 5)
    x, hidden = random(200, 5), random(200, 16, seed=2)
    x[7, 3] = torch.nan
    assert module(x, hidden)[7].isnan().all() and not module(x, hidden)[8].isnan().any()


@needs_a_compiler
def test_second_derivatives():
    """In float32: against the gradient of a loss that holds a gradient, computed in float64 by PyTorch."""
    found = []
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        module = Rows(16, 5).to(dtype)
        x, hidden = (random(9, width, seed=3).to(dtype).requires_grad_() for width in (5, 16))
        (grad,) = torch.autograd.grad(module(x, hidden).square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), [x, hidden, *module.parameters()]))
    for single, double in zip(*found):
        assert (single - double).abs().max() < CLOSE * double.abs().max()


def without_kernels(monkeypatch, capfd):
    """Runs a layer as the first of a process does, with nothing loaded; the PyTorch path, without a word."""
    first = functools.cache(compiled.library.__wrapped__)
    for module in (compiled, arguments):
        monkeypatch.setattr(module, "library", first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = gated_rows(nn.Linear(5, 48), GatedUpdate(16), torch.ones(9, 5), torch.ones(9, 16))
        out.sum().backward()
    assert compiled.library() is None and out.isfinite().all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("how", [{"CC": "no-such-compiler"}, {"CC": "false"}, {"PDGN_KERNELS": "0"}])
def test_without_a_compiler_pytorch_does_it_and_says_nothing(tmp_path, monkeypatch, capfd, how):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, value in how.items():
        monkeypatch.setenv(name, value)
    without_kernels(monkeypatch, capfd)
    assert not list(tmp_path.rglob("*.so")) and not list(tmp_path.rglob("*.o"))


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    without_kernels(monkeypatch, capfd)


@needs_a_compiler
def test_what_is_compiled_is_kept(tmp_path):
    first = tmp_path / "kernels" / "one.so"
    compiled.build(first)
    assert [path.name for path in first.parent.iterdir()] == ["one.so"]


def test_other_types_and_autocast_are_not_taken():
    assert not compiled.usable(torch.ones(1, dtype=torch.float64))
    assert not compiled.usable(torch.ones(1), torch.ones(1, dtype=torch.bfloat16))
    assert not compiled.usable(torch.ones(1, device="meta"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not compiled.usable(torch.ones(1))
