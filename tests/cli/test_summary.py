"""`pdgn summary`: the tables on standard output and in Markdown, one line for every mistake."""

from __future__ import annotations

import json

import pytest

from pdgn.cli.main import main
from tests.evaluation.test_seed_table import changed, metrics, written


def test_the_command_prints_both_tables_and_writes_them(tmp_path, capsys):
    files = [str(path) for path in written(tmp_path, metrics(0, 1.0), metrics(1, 2.0))]
    target = tmp_path / "summary.md"
    target.write_text("old")
    assert main(["summary", *files, "--steps", "1", "2", "--markdown", str(target)]) == 0
    out = capsys.readouterr().out
    assert "MAE [kg/m²]" in out and "1.5 ± 0.71" in out and "2 (t = 1 h)" in out and "over 2 seeds (0, 1)" in out
    text = target.read_text()
    assert "| Seen surfaces: PA-DGN | 1.5 ± 0.71 | 3 ± 1.4 |" in text and text.count("|---|") == 2
    assert "old" not in text and not list(tmp_path.glob("*.tmp"))


def test_the_last_step_is_told_without_being_asked(tmp_path, capsys):
    assert main(["summary", *map(str, written(tmp_path, metrics(0)))]) == 0
    out = capsys.readouterr().out
    assert "3 (t = 1.5 h)" in out and "over 1 seed (0)" in out and "1 ± –" in out


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "the following arguments are required: FILE"),
        (["0", "1", "2"], "in seed and name alone, given config.model.num_hops = 2 instead of 1"),
        (["0", "1", "0"], "0.json: wanted each seed once, given seed 0 as in"),
        (["0", "missing.json"], "missing.json: No such file or directory"),
        (["3"], "3.json: wanted metrics.json, given a file that is no JSON"),
        (["4"], "4.json: wanted pdgn-metrics 1.0, given None None"),
        (["5"], "5.json: wanted metrics.json as 'pdgn evaluate' writes it, given an edited or damaged one"),
        (["0", "--steps", "9"], "steps: wanted numbers from 1 to 3, given 9"),
        (["0", "--steps", "x"], "argument --steps: invalid int value: 'x'"),
        (["0", "--markdwn", "x"], "unrecognized arguments: --markdwn x (did you mean '--markdown'?)"),
        (["--markdown", "0", "1"], "--markdown: wanted a file name that ends in .md or .markdown, given"),
        (["0", "--markdown", "nowhere/summary.md"], "cannot write nowhere/summary.md: no such file or directory"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, metrics(0), metrics(1), changed("config", "model", "num_hops", value=2, seed=2))
    (tmp_path / "3.json").write_text("{")
    (tmp_path / "4.json").write_text("{}")
    (tmp_path / "5.json").write_text(json.dumps(json.loads((tmp_path / "0.json").read_text()) | {"models": "none"}))
    assert main(["summary", *(f"{word}.json" if word in "012345" else word for word in words)]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("pdgn: error: ") and message in error and "\n" not in error
