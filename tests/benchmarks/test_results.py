"""Results go to a file and come back; what changed is told; documents get their tables."""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import results
from benchmarks.changes import changes
from benchmarks.marked import MarkerError
from benchmarks.measure import Comparison, comparison, skipped
from benchmarks.report import write_report

MACHINE = {"processor": "one", "cores": 2, "gpu": None, "libraries": {"torch": "2.13.0", "numpy": "2.0"}}
FOUND = [
    comparison("step", 0.5, {"ours": [0.2, 0.1, 0.3], "plain": [0.4, 0.5, 1.0]}, facts={"fraction_of_rate": 0.25}),
    comparison("peak", 0.1, {"ours": [2e8], "plain": [4e8]}, unit="byte"),
    comparison("alone", 60.0, {"ours": [12.0]}),
    skipped("absent", None, "no such program"),
]


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "folder" / "results.json"
    assert not results.write(path, MACHINE, {"step": results.group(FOUND, 0.5)})
    return path


def test_results_come_back_as_they_were(written):
    found = results.comparisons(results.read(written), "step")
    assert found[:3] == FOUND[:3] and found[3].skipped == "no such program"
    assert [one.holds for one in found] == [True, False, True, True]
    assert json.loads(written.read_text())["groups"]["step"]["comparisons"][0]["ratios"] == [0.5, 0.2, 0.3]


def test_groups_of_the_same_machine_stay_and_others_go(written):
    assert results.write(written, MACHINE, {"layer": results.group(FOUND[:1], 0.1)})
    assert list(results.read(written)["groups"]) == ["step", "layer"]
    assert not results.write(written, {**MACHINE, "cores": 4}, {"layer": results.group([], 0.1)})
    assert list(results.read(written)["groups"]) == ["layer"]


@pytest.mark.parametrize(
    "text, told",
    [
        (None, "given no readable file"),
        ("{", "given no JSON"),
        ("[1]", "given format 'list'"),
        ('{"name": "other"}', "given format None"),
        ('{"format": "pdgn benchmarks 2", "machine": {}}', "given a damaged file (KeyError: 'groups')"),
        ('{"format": "pdgn benchmarks 2", "machine": {}, "groups": {}}', "given a damaged file"),
        ('{"format": "pdgn benchmarks 2", "machine": [], "groups": {"a": {"comparisons": [1]}}}', "given a damaged"),
    ],
)
def test_a_file_that_cannot_be_compared_with_is_told_in_one_line_before_anything_runs(tmp_path, capsys, text, told):
    old = tmp_path / "old.json"
    if text is not None:
        old.write_text(text)
    assert command.main(["layer", "--compare", str(old), "--output", str(tmp_path / "new.json")]) == 2
    said = capsys.readouterr()
    assert told in said.err and str(old) in said.err and len(said.err.splitlines()) == 1 and said.out == ""


def test_changes_are_in_per_cent_of_the_old(written):
    old = results.read(written)
    faster = [one._replace(values={**one.values, "ours": [0.1]}, ratio=0.2) for one in FOUND[:1]]
    new = {"machine": MACHINE, "groups": {"step": results.group([*faster, FOUND[1], FOUND[3]], 0.0)}}
    lines = [" ".join(one.split()) for one in changes(old, new)]
    assert lines == [
        "step 200 ms → 100 ms (−50 %) ratio 0.40 → 0.20 (−50 %)",
        "peak 200 MB → 200 MB (+0 %) ratio 0.50 → 0.50 (+0 %)",
        "absent skipped now",
        "alone no longer there",
    ]
    unknown = {"machine": MACHINE, "groups": {"layer": results.group(FOUND[:1], 0.0)}}
    assert changes(old, unknown)[0].endswith("new")


def test_another_machine_is_warned_of_and_named(written):
    libraries = {"torch": "2.14.0", "numpy": "2.0"}
    new = {"machine": {**MACHINE, "cores": 8, "libraries": libraries}, "groups": {}}
    (warning,) = changes(results.read(written), new)
    assert warning.startswith("warning: another machine")
    assert "cores 2 → 8" in warning and "'2.13.0'} → {'torch': '2.14.0'}" in warning and "numpy" not in warning


def test_a_report_is_renewed_and_the_prose_stays(written, tmp_path):
    document = tmp_path / "performance.md"
    document.write_text("# Title\n\n<!-- measured:step -->\nold\n<!-- /measured -->\n\nProse | of | bars.\n")
    assert command.main(["--report", str(document), "--output", str(written)]) == 0
    first = document.read_text()
    assert first.startswith("# Title\n\n<!-- measured:step -->\n|") and first.endswith("-->\n\nProse | of | bars.\n")
    assert "| step | 200 ms | 500 ms | 0.40 | 0.20 – 0.50 | 0.5 | 25 % |" in first and "old" not in first
    assert "| peak | 200 MB | 400 MB | 0.50 |  | 0.1 (not kept) |  |" in first and "absent" not in first
    assert "one, 2 cores, torch 2.13.0, 20" in first
    write_report(document, results.read(written))
    assert document.read_text() == first


@pytest.mark.parametrize(
    "text, told",
    [
        (None, "given no file"),
        ("no markers", "wanted <!-- measured:NAME --> … <!-- /measured -->, given none"),
        ("a\n<!-- measured:speed -->\n<!-- /measured -->", ":2: wanted a name that was measured (step), given 'speed'"),
        ("<!-- measured:step -->\n", "wanted <!-- /measured --> after measured:step, given the end"),
        ("<!-- /measured -->", ":1: wanted <!-- measured:NAME --> before it"),
        ("<!-- measured:step -->\n<!-- measured:step -->", ":2: wanted <!-- /measured --> after measured:step"),
    ],
)
def test_a_document_without_right_markers_is_left_alone(written, tmp_path, capsys, text, told):
    document = tmp_path / "performance.md"
    if text is not None:
        document.write_text(text)
    assert command.main(["--report", str(document), "--output", str(written)]) == 2
    said = capsys.readouterr().err
    assert told in said and str(document) in said and len(said.splitlines()) == 1
    assert text is None or document.read_text() == text
    with pytest.raises(MarkerError):
        write_report(document, results.read(written))


def test_one_side_alone_is_held_to_its_limit_in_seconds():
    assert Comparison("", {"ours": [3.0]}, 3.0, 2.0).holds is False
    assert Comparison("", {"ours": [3.0]}, 3.0, None).holds is True
