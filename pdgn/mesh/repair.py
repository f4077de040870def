"""Repairs of a mesh: only those asked for, each with a count of what it did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pdgn.mesh.coincident import WELD_TOLERANCE, coincident, lowest_joined
from pdgn.mesh.sides import Sides, repeats_a_vertex
from pdgn.mesh.topology import inward_parts
from pdgn.mesh.tri_mesh import TriMesh

IntArray = NDArray[np.int64]


class RepairReport(NamedTuple):
    """What `repair` did.

    Attributes:
        isolated_removed: vertices removed because no face had them.
        vertices_welded: vertices removed because another is at their place, which their faces now have.
        vertices_joined: vertices joined to another at the other end of an edge of length zero.
        degenerate_removed: faces removed because they repeat a vertex or have no area.
        duplicate_removed: faces removed because an earlier one has the same vertices.
        vertices_split: vertices added where one was the tip of several fans.
        faces_flipped: faces turned round.
        non_orientable_parts: parts (faces joined across edges) left as they were, since no orientation fits (Möbius).
        vertex_source: [V_new] int64, vertex of the input that each vertex of the result was.
        face_source: [F_new] int64, likewise for faces.
        vertex_target: [V] int64, vertex of the result that each vertex of the input became; -1 where it was removed.
    """

    isolated_removed: int
    vertices_welded: int
    vertices_joined: int
    degenerate_removed: int
    duplicate_removed: int
    vertices_split: int
    faces_flipped: int
    non_orientable_parts: int
    vertex_source: IntArray
    face_source: IntArray
    vertex_target: IntArray

    def describe(self) -> str:
        """One line with every count that is not zero."""
        counts = {name: value for name, value in self._asdict().items() if isinstance(value, int) and value}
        return "; ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()) or "nothing to repair"


def repair(
    mesh: TriMesh,
    *,
    weld: bool = False,
    isolated: bool = False,
    degenerate: bool = False,
    duplicate: bool = False,
    non_manifold: bool = False,
    orientation: bool = False,
    weld_tolerance: float = WELD_TOLERANCE,
) -> tuple[TriMesh, RepairReport]:
    """Repair what is asked for and say what was done; positions are never moved (but by welding, within its tolerance).

    In this order: weld, degenerate, duplicate, non_manifold, orientation, isolated.

    Args:
        mesh: any mesh.
        weld: make one vertex, the first, of those at one place, and remove the faces that thereby repeat a vertex.
            Slits close; parts that touch grow together, and where three faces then share an edge, `non_manifold`
            takes them apart again.
        isolated: remove vertices that no face has (those too that the other repairs leave behind).
        degenerate: join the ends of edges of length zero, then remove faces that repeat a vertex or have no area. A
            face without area but with three different places may leave a slit.
        duplicate: of faces with the same three vertices keep the first.
        non_manifold: give every fan of faces at a vertex a vertex of its own; the surface comes apart at edges of
            three faces or more. The first fan keeps the vertex, the others get new ones at the end.
        orientation: turn faces so that neighbours agree (the smaller number of faces in each part), then parts that
            are inside out or, in a plane z = const, clockwise.
        weld_tolerance: vertices nearer to each other than this times the diagonal of the bounding box of the faces are
            at one place; 0: equal positions only.

    Returns:
        (mesh, report); the same mesh where nothing was to be done.

    Raises:
        ValueError: where no face would be left, or the tolerance is negative or not finite.
    """
    counts = dict.fromkeys(RepairReport._fields[:8], 0)
    target, face_source = np.arange(mesh.num_vertices), np.arange(mesh.num_faces)
    pos_source, face = target, np.array(mesh.face)
    if weld:
        lowest = coincident(mesh.pos, weld_tolerance, mesh.period, mesh.pos[np.unique(face)])
        pos_source, target = np.unique(lowest, return_inverse=True)
        keep = repeats_a_vertex(face) | ~repeats_a_vertex(target[face])
        face, face_source = target[face][keep], face_source[keep]
        counts["vertices_welded"], counts["degenerate_removed"] = len(target) - len(pos_source), int((~keep).sum())
    pos = mesh.pos[pos_source]
    if degenerate and len(face):
        zero = TriMesh(pos, face, mesh.period).topology().zero_length_edges
        lowest = lowest_joined(zero, np.arange(len(pos)))
        face, target = lowest[face], lowest[target]
        counts["vertices_joined"] = int((lowest != np.arange(len(lowest))).sum())
        keep = ~TriMesh(pos, face, mesh.period).degenerate
        face, face_source = face[keep], face_source[keep]
        counts["degenerate_removed"] += int((~keep).sum())
    if duplicate and len(face):
        keep = np.ones(len(face), dtype=bool)
        keep[TriMesh(pos, face, mesh.period).topology().duplicate_faces] = False
        face, face_source = face[keep], face_source[keep]
        counts["duplicate_removed"] = int((~keep).sum())
    if not len(face):
        how = "welded or degenerate" if weld else "degenerate"
        raise ValueError(f"no face is left of {mesh.num_faces} after repair: all are {how}")
    if non_manifold:
        face, added = _split(face, len(pos))
        pos_source = np.concatenate([pos_source, pos_source[added]])
        pos_source, target = _followed(mesh.face[face_source], face, pos_source, target)
        counts["vertices_split"] = len(added)
    if orientation:
        face, counts["faces_flipped"], counts["non_orientable_parts"] = _orient(mesh.pos[pos_source], face, mesh)
    if isolated:
        used = np.bincount(face.ravel(), minlength=len(pos_source)) > 0
        face, pos_source, target = _without(~used, face, pos_source, target)
        counts["isolated_removed"] = int((~used).sum())
    report = RepairReport(**counts, vertex_source=pos_source, face_source=face_source, vertex_target=target)
    if not any(counts.values()):
        return mesh, report
    return TriMesh(mesh.pos[pos_source], face, mesh.period), report


def _split(face: IntArray, num_vertices: int) -> tuple[IntArray, IntArray]:
    """Faces in which every fan has its own vertex, and the vertex that each added one was."""
    proper = (face != np.roll(face, -1, axis=1)).all(axis=1)
    fan, vertex = Sides.of(face[proper], num_vertices).fans()
    order = np.argsort(vertex, kind="stable")
    extra = np.ones(len(vertex), dtype=bool)
    extra[order[np.concatenate([[True], vertex[order][1:] != vertex[order][:-1]])]] = False
    new_vertex = vertex.copy()
    new_vertex[extra] = num_vertices + np.arange(extra.sum())
    result = face.copy()
    result[proper] = new_vertex[fan].reshape(-1, 3)
    return result, vertex[extra]


def _followed(before: IntArray, after: IntArray, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray]:
    """Source and target where vertices were taken apart again, by the corners of the faces before and after: what is
    there stays where a corner says so, else the lowest corner that there is."""
    old, new = before.ravel(), after.ravel()
    results = []
    for known, key, value in ((source, new, old), (target, old, new)):
        found = np.full(len(known), np.iinfo(np.int64).max)
        np.minimum.at(found, key, value)
        agrees = np.zeros(len(known), dtype=bool)
        agrees[key[known[key] == value]] = True
        results.append(np.where(agrees | (found == np.iinfo(np.int64).max), known, found))
    return results[0], results[1]


def _without(
    gone: NDArray[np.bool_], face: IntArray, source: IntArray, target: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Faces, source and target once vertices of no face are taken out; -1 for the target of one."""
    number = np.where(gone, -1, np.cumsum(~gone) - 1)
    return number[face], source[~gone], number[target]


def _orient(pos: NDArray[np.float64], face: IntArray, mesh: TriMesh) -> tuple[IntArray, int, int]:
    """Faces turned to agree and outward, how many were turned, and how many parts could not be."""
    proper = np.flatnonzero((face != np.roll(face, -1, axis=1)).all(axis=1))
    flip, impossible = _disagreeing(Sides.of(face[proper], len(pos)))
    turned = _turn(face, proper[flip])
    sides = Sides.of(turned[proper], len(pos))
    inward, part = inward_parts(TriMesh(pos, turned, mesh.period).corners[proper], sides, mesh.period is not None)
    inward[impossible] = False
    flip ^= inward[part]
    return _turn(face, proper[flip]), int(flip.sum()), len(impossible)


def _disagreeing(sides: Sides) -> tuple[NDArray[np.bool_], IntArray]:
    """Faces to turn, the fewer of each part, so that neighbours agree; the parts where that is impossible.

    Every face appears twice in a graph, as it is and turned; faces that agree are joined with their like. A part that
    can be oriented falls into two halves, one of which is turned.
    """
    num = len(sides.face)
    first, second = sides.partners()
    same = (sides.forward[first] == sides.forward[second]).astype(np.int64)
    a, b = first // 3, second // 3
    rows, columns = np.concatenate([a, a + num]), np.concatenate([b + num * same, b + num * (1 - same)])
    graph = coo_matrix((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(2 * num, 2 * num))
    label = connected_components(graph, directed=False)[1]
    part, num_parts = sides.parts()
    as_is, turned = label[:num], label[num:]
    impossible = np.unique(part[as_is == turned])
    # The half of a part with the lower label; whether its copies are mostly faces as they are or turned.
    lower = as_is < turned
    keep_lower = np.bincount(part, np.where(lower, 1, -1), num_parts) >= 0
    flip = lower != keep_lower[part]
    flip[np.isin(part, impossible)] = False
    return flip, impossible


def _turn(face: IntArray, which: IntArray) -> IntArray:
    result = face.copy()
    result[which] = result[which][:, [0, 2, 1]]
    return result
