"""What the file holds about one mesh, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pdgn.data.record_checks import (
    check_arrays,
    check_curve,
    check_edges,
    check_geometry,
    check_names,
    check_positions,
)
from pdgn.geodesics import Curve, signed_geodesic_distances
from pdgn.mesh import TriMesh, minimal_image
from pdgn.operators import ConvectionWeights, mass, reference_weights, sensor_reference_weights

if TYPE_CHECKING:
    from torch import Tensor


class CurveRecord(NamedTuple):
    """A closed curve on a mesh and the signed distance from it.

    Attributes:
        face: [n] int64, a face that holds each point.
        barycentric: [n, 3] float64 ≥ 0, each row of sum 1.
        signed_distance: [V] float64, positive on the left of the curve; +inf on other components.
    """

    face: np.ndarray
    barycentric: np.ndarray
    signed_distance: np.ndarray

    @classmethod
    def of(cls, mesh: TriMesh, curve: Curve) -> CurveRecord:
        """The record of a curve, its signed distance computed.

        Raises:
            ValueError: the curve is not on the mesh, or the mesh is not fit for distances.
        """
        return cls.of_each(mesh, {"": curve})[""]

    @classmethod
    def of_each(cls, mesh: TriMesh, curves: Mapping[str, Curve]) -> dict[str, CurveRecord]:
        """The records of several curves, name by name, in little more time than that of one.

        Raises:
            ValueError: a curve is not on the mesh, or the mesh is not fit for distances.
        """
        distances = signed_geodesic_distances(mesh, list(curves.values()))
        return {
            name: cls(curve.face, curve.barycentric, distance)
            for (name, curve), distance in zip(curves.items(), distances)
        }

    @property
    def curve(self) -> Curve:
        """The curve itself."""
        return Curve(self.face, self.barycentric)


@dataclass(frozen=True, eq=False)
class MeshRecord:
    """All that is stored about one mesh or sensor network; an edge runs from source j (row 0) to target i (row 1).

    Args:
        pos: positions [V, 3] float64, in ``unit``.
        face: triangles [F, 3] int64, or None for a sensor network.
        edge_index: [2, E] int64, sorted by target; every node has at least one incoming edge.
        node: name → array [V, ...]; always ``mass`` [V], and ``normal`` [V, 3] and ``boundary`` [V] bool where there
            are faces.
        edge: name → array [E, ...]; always ``reference_gradient``, ``reference_laplacian``, ``vector`` [E, 3] = x_j −
            x_i, ``length``. ``geodesic_length`` [E], where it is there, is the exact length along the surface between
            the two ends: the length itself where the edge lies in the surface, more where only its ends do (sensors).
        geodesic: ``sources`` [S] int64 and, per method, distances [S, V] float64, +inf where unreachable; may be empty.
        period: (Lx, Ly, Lz) of a periodic domain, 0 along an axis that is not periodic; None where none is.
        unit: unit of length of ``pos``.
        curves: name → closed curve on the surface; may be empty.
        names: of the nodes, V of them, such as those of stations; empty where they have none.

    Raises:
        ValueError: shapes, indices or values are wrong; the message names the array.
    """

    pos: np.ndarray
    face: np.ndarray | None
    edge_index: np.ndarray
    node: dict[str, np.ndarray]
    edge: dict[str, np.ndarray]
    geodesic: dict[str, np.ndarray] = field(default_factory=dict)
    period: tuple[float, float, float] | None = None
    unit: str = "1"
    curves: dict[str, CurveRecord] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    _tensors: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, dtype in (("pos", np.float64), ("face", np.int64), ("edge_index", np.int64)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
        for name in ("node", "edge", "geodesic"):
            object.__setattr__(self, name, {key: np.asarray(value) for key, value in getattr(self, name).items()})
        curves = {key: CurveRecord(*(np.asarray(array) for array in value)) for key, value in self.curves.items()}
        object.__setattr__(self, "curves", curves)
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        check_geometry(self)
        check_arrays(self)
        check_names(self.names, self.num_nodes)
        for name, curve in curves.items():
            check_curve(name, curve, self.face, self.num_nodes)

    @property
    def num_nodes(self) -> int:
        """V, the number of vertices or sensors."""
        return len(self.pos)

    @property
    def num_edges(self) -> int:
        """E, the number of directed edges."""
        return self.edge_index.shape[1]

    @classmethod
    def from_mesh(
        cls,
        mesh: TriMesh,
        *,
        unit: str = "1",
        node: Mapping[str, np.ndarray] | None = None,
        edge: Mapping[str, np.ndarray] | None = None,
        geodesic: Mapping[str, np.ndarray] | None = None,
        curves: Mapping[str, CurveRecord] | None = None,
    ) -> MeshRecord:
        """The record of a triangle mesh: lumped mass, normals, boundary and cotangent reference weights computed.

        Args:
            mesh: V vertices, F faces, E directed edges.
            unit: unit of length of the positions.
            node: further static arrays [V, ...], for example coefficients.
            edge: further static arrays [E, ...], for example ``geodesic_length``.
            geodesic: ``sources`` [S] and distances [S, V] by method.
            curves: closed curves on the mesh.

        Raises:
            ValueError: a vertex belongs to no face, or an array has another length than the mesh.
        """
        gradient, laplacian = reference_weights(mesh)
        lumped = np.asarray(mass(mesh, kind="lumped").diagonal())
        static = {"mass": lumped, "normal": mesh.vertex_normal, "boundary": mesh.boundary, **(node or {})}
        arrays = {**_edge_arrays(mesh.edge_vector, gradient, laplacian), **(edge or {})}
        return cls(
            mesh.pos, mesh.face, mesh.edge_index, static, arrays, dict(geodesic or {}), mesh.period, unit,
            dict(curves or {}),
        )  # fmt: skip

    @classmethod
    def from_sensors(
        cls,
        pos: np.ndarray,
        edge_index: np.ndarray,
        *,
        unit: str = "1",
        period: tuple[float, float, float] | None = None,
        node: Mapping[str, np.ndarray] | None = None,
        edge: Mapping[str, np.ndarray] | None = None,
        geodesic: Mapping[str, np.ndarray] | None = None,
        names: Sequence[str] = (),
    ) -> MeshRecord:
        """The record of a sensor network: finite-difference reference weights computed, mass 1 at every sensor.

        Args:
            pos: positions [V, 3], in ``unit``; sensors at the same place are refused.
            edge_index: [2, E], symmetric, sorted by target.
            unit: unit of length.
            period: lengths of a periodic domain, 0 along an axis that is not periodic.
            node: further static arrays [V, ...]; ``mass`` here replaces the ones.
            edge: further static arrays [E, ...], for example ``geodesic_length`` of sensors on a surface.
            geodesic: ``sources`` [S], numbers of sensors, and distances along the surface [S, V] by method.
            names: of the sensors, V of them, or none.

        Raises:
            ValueError: a sensor has no neighbour, an edge has length zero, an index is out of range.
        """
        pos = np.asarray(pos, dtype=np.float64)
        edge_index = np.asarray(edge_index, dtype=np.int64)
        check_positions(pos)
        check_edges(edge_index, len(pos))
        vector = minimal_image(pos[edge_index[0]] - pos[edge_index[1]], period)
        zero = np.flatnonzero(np.linalg.norm(vector, axis=1) == 0)
        if zero.size:
            pair = edge_index[:, zero[0]].tolist()
            raise ValueError(
                f"pos: wanted sensors at different places, got sensors {pair[1]} and {pair[0]} at the same place"
            )
        gradient, laplacian = sensor_reference_weights(vector, edge_index, len(pos))
        static = {"mass": np.ones(len(pos)), **(node or {})}
        arrays = {**_edge_arrays(vector, gradient, laplacian), **(edge or {})}
        return cls(pos, None, edge_index, static, arrays, dict(geodesic or {}), period, unit, names=tuple(names))

    @cached_property
    def convection(self) -> ConvectionWeights:
        """What makes convection weights of a velocity on this mesh.

        Raises:
            ValueError: there are no faces, one has no area, or the edges are not those of the mesh in its order.
        """
        if self.face is None:
            raise ValueError("convection: wanted a mesh, given sensors without faces")
        mesh = TriMesh(self.pos, self.face, self.period)
        if not np.array_equal(mesh.edge_index, self.edge_index):
            raise ValueError("convection: wanted the edges of the mesh, sorted by target and source, given others")
        return ConvectionWeights.of(mesh)

    def tensor(self, name: str, compute: Callable[[], np.ndarray]) -> Tensor:
        """A static tensor of this mesh, computed once and kept: float32, int64 or bool.

        Args:
            name: key under which it is kept.
            compute: gives the array the first time.
        """
        if name not in self._tensors:
            import torch  # late: the processes that simulate need no torch, which takes seconds to load

            values = np.asarray(compute())
            kind = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}[values.dtype.kind]
            self._tensors[name] = torch.from_numpy(values.astype(kind, copy=True))
        return self._tensors[name]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_tensors": {}}


def _edge_arrays(vector: np.ndarray, gradient: np.ndarray, laplacian: np.ndarray) -> dict[str, np.ndarray]:
    length = np.linalg.norm(vector, axis=1)
    return {"vector": vector, "length": length, "reference_gradient": gradient, "reference_laplacian": laplacian}
