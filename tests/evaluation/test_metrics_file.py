"""metrics.json: valid JSON in which a NaN stays visible."""

from __future__ import annotations

import json
import math

import pytest

from pdgn.evaluation.metrics_file import read_metrics_file, write_metrics


def test_round_trip_keeps_nan_infinity_and_null_apart(tmp_path):
    path = tmp_path / "metrics.json"
    values = {"a": [1.5, math.nan, math.inf, -math.inf, None], "n": 3, "ok": True}
    write_metrics(path, {"name": "NaN", "models": values})
    text = path.read_text()
    plain = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert plain["models"]["a"] == [1.5, "NaN", "Infinity", "-Infinity", None]
    assert plain["schema"] == "pdgn-metrics" and plain["schema_version"] == "1.0" and "null" in plain["encoding"]
    read = read_metrics_file(path)
    assert math.isnan(read["models"]["a"][1]) and read["models"]["a"][2:] == [math.inf, -math.inf, None]
    assert read["name"] == "NaN"  # a text stays a text
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "metrics.json"
    write_metrics(path, {"name": "first"})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_metrics(path, {"name": object()})
    assert read_metrics_file(path)["name"] == "first"


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "wanted metrics.json, given a file that is no JSON"),
        ("[]", "wanted pdgn-metrics 1.0, given None None"),
        ('{"schema": "pdgn-metrics", "schema_version": "9.0"}', "wanted pdgn-metrics 1.0, given pdgn-metrics 9.0"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_metrics_file(path)
