"""What equations of diffusion and local reaction have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from itertools import product
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from pdgn.mesh import TriMesh
from pdgn.operators import mass
from pdgn.simulate.argument import finite_array, one_of
from pdgn.simulate.boundary import boundary_condition, require_simulable
from pdgn.simulate.equation import BOUNDARIES, Equation
from pdgn.simulate.semilinear_system import Dissipation, SemilinearSystem
from pdgn.simulate.spectrum import Spectrum
from pdgn.simulate.weak_form import diffusion_form

Array = NDArray[np.float64]
# Points along each side of the box of states on which the Jacobian of a reaction is sampled.
BOX_POINTS = 33


class ReactionDiffusion(Equation):
    """Diffusion of every field by itself, and a reaction of all fields at a point: u_t = ∇·(D∇u) + R(u).

    In space M du/dt = −K_D u + s + M R(u) with the lumped mass, so that a uniform state follows the ordinary
    differential equation u' = R(u) exactly. A subclass is a file of about thirty lines: its fields, its parameters,
    `diffusivities`, `reaction` and `invariant_box`.

    Args:
        boundary: "neumann" (flux given) or "dirichlet" (value given), the same for all fields.
        boundary_value: field → a number or [V] (one number or array where there is one field), read at boundary
            vertices; neumann: the inflow D∂u/∂n [field · length/time], zero where not given; dirichlet: the value,
            the initial state's own where not given.
    """

    default_method: ClassVar[str] = "imex_ars443"

    def __init__(
        self, boundary: str = "neumann", boundary_value: ArrayLike | Mapping[str, ArrayLike] | None = None
    ) -> None:
        self.boundary = one_of("boundary", boundary, BOUNDARIES)
        if boundary_value is not None and not isinstance(boundary_value, Mapping):
            if len(self.fields) > 1:
                raise TypeError(f"boundary_value: wanted a mapping with some of {', '.join(self.fields)}, got a value")
            boundary_value = {self.fields[0]: boundary_value}
        self.boundary_value = dict(boundary_value or {})
        unknown = sorted(set(self.boundary_value) - set(self.fields))
        if unknown:
            raise ValueError(f"boundary_value: wanted fields of {', '.join(self.fields)}, got {unknown[0]!r}")

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={_summary(value)}" for name, (value, _) in self.parameters().items())
        return f"{type(self).__name__}({values}, boundary={self.boundary!r})"

    @property
    def conserved(self) -> tuple[str, ...]:
        """None: reactions make and consume."""
        return ()

    @abstractmethod
    def diffusivities(self) -> tuple[Array, ...]:
        """D of every field: a number, [V] or [F] [length²/time]."""

    @abstractmethod
    def reaction(self, *values: Array) -> tuple[Array, ...]:
        """R(u), the change of every field per time, from the values of all fields (arrays of one shape)."""

    def invariant_box(self, low: Array, high: Array) -> tuple[Array, Array]:
        """A box of states that no solution leaves which starts between `low` and `high` (one entry per field).

        The stability bound is computed on it. By default the box of the initial state itself: right where the reaction
        points inwards along its faces.
        """
        return low, high

    def curvature(self, low: Array, high: Array) -> float:
        """Largest second derivative of the potential W in a box of states, where R = −∇W; else 0.

        The energy of such an equation falls, and the step is kept where it provably does so in every step too.
        """
        return 0.0

    def discretize(self, mesh: TriMesh) -> SemilinearSystem:
        """M du/dt = −K_D u + s + M R(u) on this mesh, fields under one another.

        Raises:
            ValueError: an unfit mesh, a coefficient that does not fit it, Dirichlet without interior vertices.
        """
        require_simulable(mesh)
        shapes: list[tuple[int | None, ...]] = [(), (mesh.num_vertices,), (mesh.num_faces,)]
        blocks = [diffusion_form(mesh, finite_array("diffusivity", D, shapes)) for D in self.diffusivities()]
        conditions = [boundary_condition(mesh, self.boundary, self.boundary_value.get(name)) for name in self.fields]
        zero = np.zeros(mesh.num_vertices)
        sources = [zero if c.source is None else c.source for c in conditions]
        given = [c.value is not None for c in conditions]
        values = [zero if c.value is None else c.value for c in conditions] if all(given) else None
        if any(given) and not all(given):
            raise ValueError(f"boundary_value: wanted a value for every field or for none, got {self.boundary_value}")
        count = len(self.fields)
        return SemilinearSystem(
            self.fields,
            np.tile(mass(mesh, kind="lumped").diagonal(), count),
            sp.csr_matrix(sp.block_diag(blocks)),
            np.concatenate(sources) if any(c.source is not None for c in conditions) else None,
            np.concatenate([c.fixed for c in conditions]),
            None if values is None else np.concatenate(values),
            nonlinear=self._nonlinear,
            bound=self._bound,
            energy_step=self._energy_step,
        )

    def _nonlinear(self, time: float, state: Array) -> Array:
        return np.concatenate(self.reaction(*self._blocks(state)))

    def _blocks(self, state: Array) -> Array:
        """The fields of a state [D, n] one by one, [fields, V, n], a view; np.split takes as long as a reaction."""
        return state.reshape(len(self.fields), -1, *state.shape[1:])

    def _box(self, state: Array) -> tuple[Array, Array]:
        blocks = self._blocks(state)
        return self.invariant_box(np.array([b.min() for b in blocks]), np.array([b.max() for b in blocks]))

    def _energy_step(self, method: Dissipation, state: Array) -> float:
        """2 slow / max W″: the energy of a gradient flow with G = M⁻¹ falls at smaller steps."""
        curvature = self.curvature(*self._box(state))
        return 2 * method.slow / curvature if curvature > 0 else np.inf

    def _bound(self, state: Array) -> Spectrum:
        """The numerical range of the reaction's Jacobian over the invariant box, sampled."""
        low, high = self._box(state)
        points = np.array(list(product(*(np.linspace(a, b, BOX_POINTS) for a, b in zip(low, high))))).T
        jacobian = _jacobian(self.reaction, points)
        symmetric = 0.5 * (jacobian + jacobian.swapaxes(1, 2))
        skew = 0.5 * (jacobian - jacobian.swapaxes(1, 2))
        decay = max(-float(np.linalg.eigvalsh(symmetric)[:, 0].min()), 0.0)
        return Spectrum(decay, float(np.linalg.norm(skew, 2, axis=(1, 2)).max()))


def _jacobian(reaction: Callable[..., tuple[Array, ...]], points: Array) -> Array:
    """∂R_i/∂u_j at points [fields, P], as [P, fields, fields], by central differences (exact for quadratic R)."""
    fields = len(points)
    result = np.empty((points.shape[1], fields, fields))
    for j in range(fields):
        step = 1e-4 * np.maximum(1.0, np.abs(points[j]))
        shift = np.zeros_like(points)
        shift[j] = step
        difference = np.array(reaction(*(points + shift))) - np.array(reaction(*(points - shift)))
        result[:, :, j] = (difference / (2 * step)).T
    return result


def _summary(value: float | Array) -> str:
    array = np.asarray(value)
    return f"{float(array):g}" if array.ndim == 0 else f"[{array.min():g} .. {array.max():g}]"
