"""Every comparison runs at small sizes; processes of their own give what is asked of them."""

from __future__ import annotations

import math

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, layer, machine, measure, results, rollouts, training_step
from benchmarks.measure import alternate
from benchmarks.processes import ProcessError, call
from benchmarks.published import FOLDER
from tests.benchmarks import in_process


@pytest.fixture(autouse=True)
def _little_work(monkeypatch):
    """What shows the rates of the machine takes no longer than what is measured."""
    monkeypatch.setattr(machine, "PRODUCT", 128)
    monkeypatch.setattr(machine, "COPIED", 2**20)


def test_quick_runs_give_all_lines_and_a_comparison_with_themselves(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(FOLDER, raising=False)
    output = tmp_path / "results.json"
    names = ["layer", "step", "rollout"]
    assert command.main([*names, "--quick", "--output", str(output)]) == 0
    found = {name: results.comparisons(results.read(output), name) for name in names}
    assert [len(found[name]) for name in names] == [10, 6, 6]
    done = [one for group in found.values() for one in group if not one.skipped]
    assert all(math.isfinite(one.ratio) and one.ratio > 0 for one in done)
    assert all(f"name a checkout of it in {FOLDER}" in one.skipped for one in found["step"] if one.skipped)
    said = capsys.readouterr()
    assert all(one.name in said.out for group in found.values() for one in group)
    assert "… training step, sum" in said.err  # what runs is said while it runs
    assert command.main(["rollout", "--quick", "--output", str(output), "--compare", str(output)]) == 0
    said = capsys.readouterr().out
    assert "with what it held of this machine" in said and "%)" in said.split("against ")[-1]
    assert list(results.read(output)["groups"]) == names


def test_sides_of_the_layer_are_the_same_work():
    for kind in layer.KINDS.values():
        ours, plain = (kind(side, layer.QUICK[0])["forward"]() for side in layer.SIDES)
        assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(ours, plain))


def test_sides_of_the_roll_out_are_the_same_work():
    size = rollouts.QUICK[0]
    data = rollouts.sample(size.nodes)
    with torch.no_grad():
        frames = [
            torch.stack([*rollouts.rollout_frames(rollouts.forecaster(side, size), data, 3)])
            for side in ("ours", "plain")
        ]
    assert torch.allclose(*frames, rtol=1e-5, atol=1e-5)


def test_a_process_of_its_own_has_its_threads_and_its_memory():
    threads, held = call(in_process.threads_and_bytes_at_the_peak, 64, threads=2)
    assert threads == 2 and 64e6 < held < 80e6


def test_a_process_that_dies_is_told_in_one_line(capfd):
    with pytest.raises(ProcessError, match=r"die\(3,\): the process ended with code 3"):
        call(in_process.die, 3, threads=1)


def test_a_process_that_dies_ends_its_group_alone(tmp_path, monkeypatch, capsys):
    def fails(quick, threads):
        yield measure.skipped("before", None, "a test")
        raise ProcessError("function(): the process ended with code -9")

    monkeypatch.setitem(command.GROUPS, "layer", fails)
    monkeypatch.setitem(command.GROUPS, "step", lambda quick, threads: iter([measure.skipped("after", None, "a test")]))
    assert command.main(["layer", "step", "--output", str(tmp_path / "results.json")]) == 1
    said = capsys.readouterr()
    assert said.err == "layer: function(): the process ended with code -9\n"
    assert "before" in said.out and "after" in said.out


def test_without_a_graphics_processor_its_line_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (line,) = gpu.comparisons()
    assert line.skipped == "this machine has none that torch can use" and line.holds


def test_what_runs_on_a_graphics_processor_runs_here_too(monkeypatch):
    monkeypatch.setattr(gpu, "REPEATS", 2)
    lines = list(gpu.comparisons(quick=True, device="cpu"))
    assert len(lines) == 4 + 2 * 3 and all(one.ratio > 0 and not one.skipped for one in lines)
    assert all(0 < one.facts["fraction_of_bandwidth"] < 2 for one in lines if one.facts)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a graphics processor")
@pytest.mark.parametrize("variant", training_step.VARIANTS)
def test_a_step_on_a_graphics_processor_waits_for_nothing(variant):
    assert gpu.without_waiting(variant, training_step.QUICK).ratio > 0


def test_sides_alternate_and_are_warmed_once():
    order: list[str] = []
    found = alternate({side: lambda side=side: order.append(side) for side in "abc"}, 2)
    assert "".join(order) == "abcabcabc" and [len(runs) for runs in found.values()] == [2, 2, 2]


def test_growth_is_by_node():
    large, small = rollouts.Size(200, 1, 4, 2), rollouts.Size(100, 1, 4, 2)
    sides = rollouts._by_node(large, small, [6.0, 8.0], [2.0])
    assert sides == {"200 nodes": [0.03, 0.04], "100 nodes": [0.02]}


def test_a_run_that_is_stopped_has_written_what_it_measured(tmp_path, monkeypatch):
    def stopped(quick, threads):
        yield measure.skipped("before", None, "a test")
        raise KeyboardInterrupt

    monkeypatch.setitem(command.GROUPS, "layer", stopped)
    with pytest.raises(KeyboardInterrupt):
        command.main(["layer", "--output", str(tmp_path / "results.json")])
    found = results.read(tmp_path / "results.json")
    assert [one.name for one in results.comparisons(found, "layer")] == ["before"]
