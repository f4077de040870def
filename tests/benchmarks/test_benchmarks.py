"""The benchmarks compare sides that compute the same, and their ratios are those of the times."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import geodesics, loader, measure, results, simulation, table
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import icosphere
from pdgn.operators import mass, stiffness
from pdgn.simulate.factor import factorize


def test_the_ratio_is_that_of_the_medians_and_sides_alternate():
    order = []

    def side(name: str, seconds: float):
        def run() -> None:
            order.append(name)
            time.sleep(seconds)

        return run

    found = measure.compare("sleep", 2.0, {"ours": side("a", 0.03), "bare": side("b", 0.01)}, 3)
    assert order == ["a", "b"] * 4  # the first pair warms up
    # Sleeping takes at least what was asked for, and on a busy machine some milliseconds more.
    assert 1.2 < found.ratio < 3.5 and found.holds == (found.ratio <= 2.0)
    assert len(found.record()["ratios"]) == 3
    assert not found._replace(ratio=2.1).holds


def test_the_bare_sides_compute_what_ours_do(rng):
    mesh = icosphere(2)
    for method, (bare, _, _) in geodesics.BARE.items():
        assert np.array_equal(bare(mesh, [0, 7]), geodesic_distance(mesh, [0, 7], method=method)), method
    matrix, right = mass(mesh, kind="lumped") + 0.1 * stiffness(mesh), rng.standard_normal((162, 3))
    assert np.array_equal(simulation.bare_steps(matrix, right), factorize(matrix, symmetric_definite=True)(right))


def test_small_runs_of_all_comparisons(tmp_path):
    mesh = icosphere(1)
    found = [simulation.heat_against_the_sparse_library(mesh, repeats=1)]
    found += [geodesics.distances(method, mesh, repeats=1) for method in geodesics.BARE]
    path = loader.write_dataset(tmp_path / "windows.h5", level=1, trajectories=2, frames=21)
    found += [loader.windows_against_h5py(path, order, windows=5, repeats=1) for order in ("shuffled", "in order")]
    found.append(loader.workers_against_none(path, windows=16, repeats=1))
    assert all(one.ratio > 0 and not one.skipped for one in found)
    assert all(f"{one.ratio:.2f}" in table.line(one) for one in found)


def test_what_is_absent_is_skipped_with_a_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PDGN_SHARED_DATA", str(tmp_path))
    output = tmp_path / "results" / "benchmarks.json"
    assert command.main(["heat", "geodesics", "--output", str(output)]) == 0
    assert "skipped: no stanford-bunny.obj" in capsys.readouterr().out
    found = results.read(output)
    assert found["machine"]["cores"] >= 1
    assert [bool(one.skipped) for name in ("heat", "geodesics") for one in results.comparisons(found, name)] == [
        True
    ] * 4


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["speed"])
    assert (
        "wanted names of layer, step, rollout, gpu, heat, geodesics, loader, sequences, got 'speed'"
        in capsys.readouterr().err
    )
