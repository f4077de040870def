"""The simulator: implicit steps against the bare sparse library, and a whole dataset against the clock."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from cholespy import CholeskySolverD, MatrixType
from numpy.typing import NDArray

from benchmarks.measure import Comparison, compare, skipped
from benchmarks.meshes import real_mesh, unseen
from pdgn.mesh import TriMesh
from pdgn.operators import mass, stiffness
from pdgn.simulate import Heat, simulate

TRAJECTORIES = 16
STEPS = 100


def heat_against_the_sparse_library(mesh: TriMesh | None = None, repeats: int = 5) -> Comparison:
    """16 trajectories of 100 Crank–Nicolson steps, everything from the bare mesh on, against factor and solve alone."""
    name, limit = f"heat on the bunny, {TRAJECTORIES} × {STEPS} implicit steps", 1.5
    mesh = mesh or real_mesh("stanford-bunny.obj")
    if mesh is None:
        return skipped(name, limit, "no stanford-bunny.obj; name its folder's parent in PDGN_SHARED_DATA")
    dt = 25 * float(mesh.face_area.mean())  # in a step heat spreads over some edges
    initial = np.random.default_rng(0).standard_normal((mesh.num_vertices, TRAJECTORIES))
    lumped, operator = mass(mesh, kind="lumped"), stiffness(mesh)

    def ours() -> object:
        return simulate(Heat(1.0), unseen(mesh), initial, dt, STEPS, method="crank_nicolson")

    return compare(
        name, limit, {"ours": ours, "bare": lambda: bare_steps(lumped + 0.5 * dt * operator, initial)}, repeats
    )


def bare_steps(matrix: sp.spmatrix, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor once, solve 100 times with the same right-hand sides: no time step could take less."""
    matrix = sp.csc_matrix(matrix)
    factor = CholeskySolverD(matrix.shape[0], matrix.indptr, matrix.indices, matrix.data, MatrixType.CSC)
    solution = np.empty_like(right)
    for _ in range(STEPS):
        factor.solve(right, solution)
    return solution


def thousand_sequences(train: int = 700, valid: int = 150, test: int = 150) -> Comparison:
    """The dataset of Seo, Meng and Liu (1000 sequences of 20 frames) by `pdgn generate` with two workers, from start to
    finished file."""
    with tempfile.TemporaryDirectory() as folder:
        counts = [
            f"--trajectories.{key}={count}" for key, count in zip(("train", "valid", "test"), (train, valid, test))
        ]
        command = [sys.executable, str(Path(__file__).parents[1] / "datasets" / "generate.py"), "--config", "plane"]
        command += [*counts, "--workers", "2", "--output", str(Path(folder) / "plane.h5")]

        def generate() -> object:
            return subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        name = f"{train + valid + test} sequences of the plane, 2 workers"
        return compare(name, 60.0, {"ours": generate}, 1, warm=False)
