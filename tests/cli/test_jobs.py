"""Jobs: what a recipe asks of a surface, and how it is refused where the surface cannot give it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.cli.main import main

TINY = str(Path(__file__).resolve().parents[2] / "datasets" / "tiny.yaml")
UNIT_SQUARE = "[{name: a, shape: grid, options: {nx: 9, ny: 9, periodic: true}}]"
PLANE = ["--equation.name", "plane", "--equation.diffusivity", "null"]


@pytest.mark.parametrize(
    "more, message",
    [
        ([*PLANE], "'plane' wants a periodic grid of size [6.28"),
        ([*PLANE, "--meshes", UNIT_SQUARE], "given a mesh of period (1.0, 1.0, 0.0)"),
        (["--initial.name", "fourier"], "'fourier' wants a periodic grid, given a mesh of period None"),
        (["--seed", str(2**63)], "seed: wanted an integer below 2^63"),  # before hours of work, not at the end
        (["--trajectories.frames", str(10**13)], "this needs more memory than there is"),
        (["--trajectories.train", str(10**20)], "pdgn: error: "),
    ],
)
def test_what_a_surface_cannot_give_is_one_line(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", *more]
    assert main(words, command="generate") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("pdgn: error: ") and message in lines[-1]
    assert not (tmp_path / "x.h5").exists()


def test_fourier_states_have_the_period_of_their_grid(tmp_path: Path) -> None:
    words = ["--config", TINY, "--output", str(tmp_path / "x.h5"), "--workers", "1", "--meshes", UNIT_SQUARE]
    assert main([*words, "--initial.name", "fourier", "--initial.modes", "1"], command="generate") == 0
    with h5py.File(tmp_path / "x.h5") as file:
        first = file["trajectories/a/fields/u"][:, 0, :, 0].reshape(-1, 9, 9)
    power = np.abs(np.fft.fft2(first))
    # Wavenumbers of at most one in each direction and nothing else, to float32.
    assert power[:, 2:-1].max() < 1e-5 * power.max() and power[:, :, 2:-1].max() < 1e-5 * power.max()
