"""How much of a signal lies at which wavelength: its power in the Laplace–Beltrami basis of the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pdgn.data import MeshRecord
from pdgn.mesh import TriMesh
from pdgn.simulate import eigenfunctions

Array = np.ndarray
BAND = 1.08  # largest over smallest wavenumber of the modes that make one line
ZERO = 1e-6  # wavenumber over the largest one below which it is 0 up to round-off


class Power(NamedTuple):
    """Power by mode, in squared units of the signal.

    Args:
        modes: [K, ...], of each mode of the basis. rest: [...], of everything that the basis does not reach.
    """

    modes: Array
    rest: Array


@dataclass(frozen=True, eq=False)
class SpectralBasis:
    r"""The smoothest modes of a mesh, L φ = λ M φ, scaled to mean square 1.

    Args:
        eigenvalue: λ [K], ascending, 1/length². modes: φ [V, K]. mass: m [V], lumped, the diagonal of M.
        trace: sum of all V eigenvalues.
    """

    eigenvalue: Array
    modes: Array
    mass: Array
    trace: float

    @classmethod
    def of(cls, record: MeshRecord, num_modes: int) -> SpectralBasis | None:
        """The basis of a stored mesh; natural boundary conditions where it has a boundary.

        Args:
            record: the mesh. num_modes: K, at most as many as there are vertices.

        Returns:
            The basis, or ``None`` of a sensor network, which has no surface.
        """
        if record.face is None:
            return None
        mesh = TriMesh(record.pos, record.face, record.period)
        eigenvalue, modes = eigenfunctions(mesh, min(num_modes, mesh.num_vertices))
        # The diagonal of M⁻¹L is the sum of the weights at a node.
        trace = float(record.edge["reference_laplacian"].sum())
        return cls(eigenvalue, modes, np.asarray(record.node["mass"], dtype=np.float64), trace)

    def power(self, frames: Array) -> Power:
        r"""The power of each mode, |c_k|² with c_k = Σ m φ_k u / Σ m; with the rest it adds up to Σ m u² / Σ m.

        Args:
            frames: u, [V, ...].

        Returns:
            [K, ...] and [...]; NaN where the signal is not finite.
        """
        frames = np.asarray(frames, dtype=np.float64)
        weight = self.mass / self.mass.sum()
        with np.errstate(over="ignore", invalid="ignore"):
            modes = np.square(np.tensordot(self.modes * weight[:, None], frames, axes=(0, 0)))
            whole = np.tensordot(weight, np.square(frames), axes=(0, 0))
            # Round-off of a signal that the basis holds altogether is no power.
            return Power(modes, np.maximum(whole - modes.sum(axis=0), 0.0))

    def lines(self, power: Power) -> tuple[Array, Array, Array]:
        """Joins modes of (almost) one eigenvalue, an arbitrary basis of its space, and all that are not in the basis.

        Args:
            power: of the K modes, and the rest.

        Returns:
            Of each line: mean eigenvalue [L], number of modes [L], and mean power of a mode [L, ...]. The last line
            stands for all modes beyond the basis, where there are any.
        """
        root = np.sqrt(self.eigenvalue)
        first = [0]
        for index, value in enumerate(root):
            if value > BAND * root[first[-1]] + ZERO * root[-1]:
                first.append(index)
        count = np.diff(first, append=len(root))
        sums = np.add.reduceat(self.eigenvalue, first), np.add.reduceat(power.modes, first, axis=0)
        beyond = len(self.mass) - len(root)
        if beyond:
            count = np.append(count, beyond)
            sums = (
                np.append(sums[0], self.trace - self.eigenvalue.sum()),
                np.concatenate([sums[1], np.asarray(power.rest)[None]]),
            )
        return sums[0] / count, count, sums[1] / count.reshape(-1, *[1] * (sums[1].ndim - 1))
