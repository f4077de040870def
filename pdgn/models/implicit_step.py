"""Time steps that are implicit in the linear operators of a mesh and explicit in what is local."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import splu
from torch import Tensor

from pdgn.nn.incidence import Incidence

GAMMA = 1 - 1 / math.sqrt(2)
DELTA = 1 - 1 / (2 * GAMMA)
TOLERANCE = 3e-4  # of a frame, relative to its deviation from the mean: far below what forecasts are wrong by
LEAST_DEVIATION = 0.01  # in units of the usual value; what float32 leaves of smaller ones is not resolved
MOST_SUBSTEPS = 128
KEPT_FACTORS = 3


def difference_matrix(weight: Tensor, graph: Incidence) -> sp.csr_matrix:
    r"""The matrix of :math:`f \mapsto \sum_{j \to i} w_{ij} (f_j - f_i)`, channel fastest.

    Args:
        weight: w, [E, C], or [E, C, C] with the row of the channel that changes. graph: E edges, N nodes.

    Returns:
        [N·C, N·C] float64.
    """
    square = torch.diag_embed(weight) if weight.dim() == 2 else weight
    blocks = square.detach().cpu().double().numpy()
    channel, nodes = np.arange(blocks.shape[1]), graph.num_nodes
    source, target = (index.cpu().numpy()[:, None, None] * channel.size for index in (graph.source, graph.target))
    row, column, own = np.broadcast_arrays(target + channel[:, None], source + channel, target + channel)
    kept = blocks != 0
    pairs = np.concatenate([row[kept], row[kept]]), np.concatenate([column[kept], own[kept]])
    size = nodes * channel.size
    return sp.csr_matrix((np.concatenate([blocks[kept], -blocks[kept]]), pairs), shape=(size, size))


class ImplicitStep:
    r"""One step of :math:`u_t = F(u)` over unit time whose stiff part is a known matrix, :math:`F(u) = L u + G(u)`.

    By the implicit–explicit Runge–Kutta method ARS(2,2,2): order two, L-stable in L, one matrix to factor. In
    differences from u its stages need F alone,

    .. math::
        (I - h\gamma L)\, d_1 &= h \gamma F(u), \\
        (I - h\gamma L)\, d_2 &= h\,[\delta F(u) + (1 - \delta) F(u + d_1)] + h (\delta - \gamma) L d_1,

    so that a steady state stays and, where L and F keep a weighted sum, so does a step. The number of substeps doubles
    until half of them give the same frame within a tolerance (root mean square of each graph and channel, relative to
    its deviation from the mean), and is halved again where that was easy. Which G is stable is thereby found, not
    assumed: L may be any part of the derivative of F.

    Solves are in float64 on the CPU and not differentiable.

    Args:
        matrix: L, [N·C, N·C], channel fastest. graph_index: graph of each node, [N]. num_graphs: B.
        tolerance: > 0.

    Reference:
        Ascher, Ruuth & Spiteri, "Implicit-explicit Runge–Kutta methods for time-dependent partial differential
        equations", 1997.
    """

    def __init__(self, matrix: sp.spmatrix, graph_index: Tensor, num_graphs: int, tolerance: float = TOLERANCE) -> None:
        self._matrix, self._tolerance = sp.csc_matrix(matrix), tolerance
        self._graph, self._num_graphs = graph_index, num_graphs
        self._solvers: dict[int, Callable[[np.ndarray], np.ndarray]] = {}

    def advance(self, rate: Callable[[Tensor], Tensor], state: Tensor, substeps: int) -> tuple[Tensor, int]:
        """The state after unit time and how many substeps to begin with next time.

        Args:
            rate: F, [N, C] → [N, C] per unit time. state: u, [N, C]. substeps: to begin with, ≥ 1.

        Raises:
            RuntimeError: gradients are recorded.
        """
        lost, allowed = self._allowed(state)
        coarse = self._steps(rate, state, substeps)
        while True:
            fine = self._steps(rate, state, 2 * substeps)
            error = float((self._size(fine - coarse) / 3 / allowed).masked_fill(lost, 0).nan_to_num(math.inf).max())
            if error <= self._tolerance or 2 * substeps >= MOST_SUBSTEPS:
                break
            substeps, coarse = 2 * substeps, fine
        if error > self._tolerance:
            what = f"{2 * substeps} implicit substeps do not resolve a frame"
            warnings.warn(f"operator_network: {what}: what was learned may be unstable here", stacklevel=2)
        return fine, max(1, substeps // 2) if error < self._tolerance / 8 else substeps

    def _steps(self, rate: Callable[[Tensor], Tensor], state: Tensor, substeps: int) -> Tensor:
        size, solve = 1 / substeps, self._solver(substeps)
        for _ in range(substeps):
            now = rate(state)
            if now.requires_grad:
                raise RuntimeError("an implicit step has no gradients: call start with gradients on, too")
            right = size * GAMMA * now.double()
            first = solve(right)
            then = rate(state + first.to(state.dtype))
            carried = (DELTA / GAMMA - 1) * (first - right)  # h (δ − γ) L d₁
            change = size * (DELTA * now.double() + (1 - DELTA) * then.double())
            state = state + solve(change + carried).to(state.dtype)
        return state

    def _solver(self, substeps: int) -> Callable[[Tensor], Tensor]:
        if substeps not in self._solvers:
            for old in list(self._solvers)[: 1 - KEPT_FACTORS]:
                del self._solvers[old]
            matrix = sp.identity(self._matrix.shape[0], format="csc") - GAMMA / substeps * self._matrix
            options = {"SymmetricMode": True}
            factor = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.1, options=options)
            self._solvers[substeps] = factor.solve
        solve = self._solvers[substeps]

        def apply(right: Tensor) -> Tensor:
            solution = solve(right.detach().cpu().numpy().ravel())
            return torch.from_numpy(solution).view_as(right).to(right.device)

        return apply

    def _allowed(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Which graphs hold something that is not finite, [B, 1], and what errors are measured by, [B, C]."""
        count = self._count()
        mean = self._sums(state.double()) / count
        deviation = (self._sums((state.double() - mean.index_select(0, self._graph)).square()) / count).sqrt()
        return ~deviation.isfinite().all(dim=1, keepdim=True), deviation.nan_to_num().clamp(min=LEAST_DEVIATION)

    def _size(self, difference: Tensor) -> Tensor:
        """Root mean square of each graph and channel, [B, C]."""
        return (self._sums(difference.double().square()) / self._count()).sqrt()

    def _sums(self, values: Tensor) -> Tensor:
        return values.new_zeros(self._num_graphs, values.size(1)).index_add(0, self._graph, values)

    def _count(self) -> Tensor:
        return torch.bincount(self._graph, minlength=self._num_graphs).clamp(min=1).unsqueeze(1)
