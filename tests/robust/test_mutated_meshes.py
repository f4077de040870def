"""Five hundred mutated meshes, each in a process with a limit of time: a correct result or one clear line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from pdgn.geodesics import geodesic_distance
from pdgn.mesh import TriMesh, read_mesh, repair, write_mesh
from pdgn.operators import gradient, mass, stiffness
from pdgn.simulate import Heat, simulate
from tests.robust.forked import forked, is_one_line
from tests.robust.mutations import damaged_bytes, mutated_mesh, obj_text

SECONDS = 20
QUICK, ALL = 40, 500


def operators_hold(mesh: TriMesh) -> None:
    """Identities that hold on any mesh, to round-off of its own size."""
    stiff = stiffness(mesh)
    scale = np.abs(stiff.data).max(initial=0.0)
    assert np.abs(stiff @ np.ones(mesh.num_vertices)).max() <= 1e-9 * scale
    assert np.abs(gradient(mesh) @ np.ones(mesh.num_vertices)).max() <= 1e-9 * np.abs(gradient(mesh).data).max()


def heat_holds(mesh: TriMesh) -> None:
    """Content is conserved, a constant stays, states are finite."""
    start = np.stack([np.cos(np.arange(mesh.num_vertices)), np.full(mesh.num_vertices, 3.0)], axis=1)
    area = float(mesh.face_area.sum())
    result = simulate(Heat(1.0), mesh, start, 0.01 * area, 3, method="backward_euler").fields["u"]
    weight = mass(mesh).diagonal()
    assert np.isfinite(result).all()
    np.testing.assert_allclose(weight @ result[-1], weight @ start, rtol=1e-7, atol=1e-7 * weight.sum())
    assert np.abs(result[-1, :, 1] - 3).max() < 1e-6
    energy = weight @ result[:, :, 0].T ** 2
    assert (np.diff(energy) <= 1e-9 * energy[0]).all()


def distances_hold(mesh: TriMesh) -> None:
    """Straight line ≤ exact distance ≤ way along edges; infinite exactly where no way leads."""
    source = int(mesh.face[0, 0])
    distance = geodesic_distance(mesh, [source], method="exact")[0]
    straight = np.linalg.norm(mesh.pos - mesh.pos[source], axis=1)
    j, i = mesh.edge_index
    graph = csr_matrix((mesh.edge_length, (i, j)), (mesh.num_vertices, mesh.num_vertices))
    edges = dijkstra(graph, indices=source)
    assert np.array_equal(np.isinf(distance), np.isinf(edges))
    reached = np.isfinite(distance)
    size = max(np.ptp(mesh.pos, axis=0).max(), np.abs(mesh.pos).max() * 1e-9)
    assert (distance[reached] >= straight[reached] - 1e-6 * size).all()
    assert (distance[reached] <= edges[reached] + 1e-6 * size).all()
    for method in ("heat", "fast_marching"):
        other = geodesic_distance(mesh, [source], method=method)[0]
        assert np.array_equal(np.isinf(other), np.isinf(distance)) and not np.isnan(other).any()


def refusals(mesh: TriMesh) -> list[str]:
    """Names of the uses that refuse the mesh, each in one line."""
    refused = []
    for use in (operators_hold, heat_holds, distances_hold):
        try:
            use(mesh)
        except (ValueError, OverflowError) as error:
            is_one_line(error)
            refused.append(use.__name__)
    return refused


def mended(mesh: TriMesh) -> TriMesh | None:
    """The mesh with every repair, or None where none is left."""
    try:
        return repair(mesh, isolated=True, degenerate=True, duplicate=True, non_manifold=True, orientation=True)[0]
    except ValueError as error:
        is_one_line(error)
        return None


def through_everything(path: Path) -> str:
    """Read, use, write, read again, repair and use a mesh."""
    mesh = read_mesh(path)
    mesh.topology().describe()
    before = refusals(mesh)
    again = path.with_suffix(".ply")
    write_mesh(mesh, again)
    back = read_mesh(again)
    assert np.array_equal(back.pos, mesh.pos) and np.array_equal(back.face, mesh.face)
    better = mended(mesh)
    after = "not repairable" if better is None else f"after repair {refusals(better)}"
    return f"refused by {before}; {after}"


def write_case(seed: int, folder: Path) -> tuple[str, Path]:
    """A mutated mesh as a file; one in three is damaged as text as well."""
    name, pos, face = mutated_mesh(seed)
    content = obj_text(pos, face).encode()
    generator = np.random.default_rng([seed, 18])
    if generator.random() < 1 / 3:
        damage, content = damaged_bytes(content, generator)
        name = f"{name}; {damage}"
    path = folder / f"{seed}.obj"
    path.write_bytes(content)
    return name, path


def run_cases(seeds: range, folder: Path) -> Counter:
    outcomes: Counter = Counter()
    wrong = []
    for seed in seeds:
        name, path = write_case(seed, folder)
        outcome = forked(lambda path=path: through_everything(path), SECONDS)
        outcomes[outcome.kind] += 1
        if outcome.kind not in ("ok", "error") or (outcome.kind == "error" and "\n" in outcome.value):
            wrong.append(f"seed {seed} ({name}): {outcome.kind} {outcome.value}")
        path.unlink()
    assert not wrong, f"{len(wrong)} of {len(seeds)}:\n" + "\n".join(wrong[:20])
    return outcomes


def test_a_few_mutated_meshes_give_a_correct_result_or_one_line(tmp_path: Path) -> None:
    outcomes = run_cases(range(QUICK), tmp_path)
    assert outcomes["ok"] > 0.3 * QUICK and outcomes["error"] > 0  # both happen


@pytest.mark.slow
def test_five_hundred_mutated_meshes_give_a_correct_result_or_one_line(tmp_path: Path) -> None:
    run_cases(range(QUICK, QUICK + ALL), tmp_path)
