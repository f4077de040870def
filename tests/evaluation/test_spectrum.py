"""Spectra: a known mode is one line, powers add up, what the basis does not reach is not lost."""

from __future__ import annotations

import numpy as np
import pytest

from pdgn.data import MeshRecord
from pdgn.evaluation.spectra import Spectra, described_lines, spectral_steps
from pdgn.evaluation.spectrum import Power, SpectralBasis
from pdgn.evaluation.spectrum_figure import spectrum_figure
from pdgn.mesh import icosphere, knn_graph
from pdgn.operators import mass, stiffness

SPHERE = icosphere(2)


@pytest.fixture(scope="module")
def basis() -> SpectralBasis:
    return SpectralBasis.of(MeshRecord.from_mesh(SPHERE, unit="m"), 36)


def test_a_linear_function_on_the_sphere_is_one_line_at_two(basis):
    # z is a harmonic of degree 1: −Δz = 2z, mean square 1/3.
    eigenvalue, count, power = basis.lines(basis.power(3.0 * SPHERE.pos[:, 2]))
    line = int(np.argmax(power))
    assert eigenvalue[line] == pytest.approx(2.0, rel=0.02) and count[line] == 3  # a mesh of 162 vertices
    assert power[line] * count[line] == pytest.approx(3.0, rel=0.03)
    assert (np.delete(power * count, line) < 1e-4).all()


def test_the_lines_of_a_sphere_are_its_degrees():
    fine = icosphere(3)
    eigenvalue, count, _ = (found := SpectralBasis.of(MeshRecord.from_mesh(fine), 25)).lines(found.power(fine.pos))
    assert count.tolist() == [1, 3, 5, 7, 9, 642 - 25]
    np.testing.assert_allclose(eigenvalue[:5], [l * (l + 1) for l in range(5)], rtol=0.04, atol=1e-9)  # noqa: E741


def test_a_single_mode_has_all_its_power_in_its_own_place(basis):
    power = basis.power(2.0 * basis.modes[:, [7, 20]])
    np.testing.assert_allclose(power.modes[7], [4.0, 0.0], atol=1e-20)
    np.testing.assert_allclose(power.modes[20], [0.0, 4.0], atol=1e-20)
    assert (power.rest < 1e-12).all()


def test_powers_add_up_to_the_mean_square_whatever_the_basis_reaches(basis, rng):
    noise = rng.normal(size=(162, 4, 2))
    power = basis.power(noise)
    weight = mass(SPHERE).diagonal() / mass(SPHERE).diagonal().sum()
    whole = np.einsum("v,vhc->hc", weight, noise**2)
    np.testing.assert_allclose(power.modes.sum(0) + power.rest, whole, rtol=1e-12)
    assert (power.rest > 0.5 * whole).all()  # 36 of 162 modes
    _, count, mean = basis.lines(power)
    np.testing.assert_allclose(np.einsum("l,lhc->hc", count, mean), whole, rtol=1e-12)
    assert count.sum() == 162 and count[-1] == 126


def test_the_last_line_stands_at_the_mean_of_all_further_eigenvalues(basis):
    scale = 1 / np.sqrt(mass(SPHERE).diagonal())
    everything = np.linalg.eigvalsh(scale[:, None] * stiffness(SPHERE).toarray() * scale)
    assert basis.lines(Power(np.zeros(36), np.zeros(())))[0][-1] == pytest.approx(everything[36:].mean(), rel=1e-9)


def test_a_network_of_sensors_has_no_spectrum():
    pos = SPHERE.pos[:20]
    assert SpectralBasis.of(MeshRecord.from_sensors(pos, knn_graph(pos, 4)), 8) is None


def test_spectra_are_means_over_the_windows_at_the_chosen_steps(basis):
    spectra = Spectra({"ball": basis}, {"ball": spectral_steps(5)})
    assert spectral_steps(5) == [0, 2, 4] and spectral_steps(2) == [0, 1]
    rate = np.array([1.0, 0.9, 0.5, 0.3, 0.25])
    for amplitude in (1.0, 3.0):
        spectra.add("ball", amplitude * basis.modes[:, 7][:, None, None] * rate[:, None])
    spectra.add("elsewhere", np.zeros((3, 5, 1)))
    spectra.add("ball", np.zeros((162, 4, 1)))  # too short to have the last step: not counted
    described = spectra.described(["u"])
    assert set(described) == {"ball"} and described["ball"]["windows"] == 2
    lines = described_lines(basis)
    power = np.array(described["ball"]["power"]["u"]) * lines["modes"]
    assert power.shape == (3, len(lines["eigenvalue"]))
    np.testing.assert_allclose(
        power[:, 2], 5.0 * rate[[0, 2, 4]] ** 2, rtol=1e-3
    )  # four digits are kept; mode 7: l = 2
    assert (np.delete(power, 2, axis=1) < 1e-10).all()


def test_a_forecast_that_is_not_finite_has_no_power(basis):
    spectra = Spectra({"ball": basis}, {"ball": [0]})
    spectra.add("ball", np.full((162, 1, 1), np.nan))
    assert np.isnan(spectra.described(["u"])["ball"]["power"]["u"]).all()


def test_the_figure_shows_the_truth_and_is_not_stretched_by_a_model_that_blew_up():
    truth = {"ball": {"eigenvalue": [0.0, 4.0, 9.0], "time": [0.1, 0.4], "power": {"u": [[1.0, 0.1, 1e-3]] * 2}}}
    models = {
        "padgn": {"ball": {"power": {"u": [[1.0, 0.2, 1e30]] * 2}}},
        "persistence": {"ball": {"power": {"u": [[float("nan")] * 3] * 2}}},
    }
    first, second = spectrum_figure(truth, models, "u", "K", "h", "m").axes
    assert [line.get_label() for line in first.lines] == ["Truth", "PA-DGN", "Persistence"]
    assert first.lines[1].get_xdata().tolist() == [0.0, 2.0, 3.0] and first.lines[1].get_ydata().tolist() == [
        1,
        0.2,
        1e30,
    ]
    assert first.get_ylim() == pytest.approx((1e-4, 10.0)) and first.get_yscale() == "log"
    assert first.get_ylabel() == "mean power of a mode [K²]" and first.get_xlabel() == "root of the eigenvalue [m⁻¹]"
    assert second.get_title(loc="left") == "ball, t = 0.4 h"
