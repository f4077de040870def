"""Single entries of keys that hold keys, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdgn.cli.entries import take_entries, with_entry
from pdgn.cli.generate import build_parser, recipe_of
from pdgn.cli.recipe import Recipe

PLANE = str(Path(__file__).resolve().parents[2] / "datasets" / "plane.yaml")


def parse(*words: str) -> Recipe:
    return recipe_of(build_parser().parse_args(["--config", PLANE, "--output", "x.h5", *words]))


def test_an_entry_is_set_over_what_the_file_says() -> None:
    before, after = parse().sensors, parse("--sensors.seed", "2", "--sensors.noise=1e-2").sensors
    assert before is not None and after is not None
    assert (after.seed, after.noise, after.count, after.stride) == (2, 0.01, before.count, before.stride)


def test_an_entry_is_set_over_what_a_number_stands_for() -> None:
    found = parse("--sensors", "50", "--sensors.gaps", "0.25").sensors
    assert found is not None
    assert (found.count, found.gaps, found.noise, found.keep_surface) == (50, 0.25, 0.05, True)


def test_entries_of_the_equation() -> None:
    plain = ["--equation.name", "fisher_kpp", "--equation.field", "null"]
    words = ["--equation.options.capacity", "2", "--equation.ranges.rate", "[1, 3]", "--equation.unit.u", "K"]
    equation = parse(*plain, *words).equation
    assert (equation.options, equation.ranges, equation.unit) == ({"capacity": 2}, {"rate": [1, 3]}, {"u": "K"})


@pytest.mark.parametrize(
    "words, message",
    [
        (["--sensors.nois", "1"], r"sensors\.nois: unknown key, wanted one of .*did you mean 'noise'"),
        (["--sensors.noise", "much"], r"sensors\.noise: wanted a number, given 'much'"),
        (["--sensors.noise"], r"--sensors\.noise: wanted a value, given nothing"),
        (["--sensors.noise", "[1"], r"--sensors\.noise: wanted a value as in YAML, given '\[1'"),
        (["--equation.options.rate", "1"], r"equation\.options\.rate: unknown, 'plane' takes none"),
        (["--sensor.noise", "1"], r"--sensor\.noise: unknown key"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(*words)
    assert "\n" not in str(caught.value)


def test_other_words_are_left_as_they_are() -> None:
    assert take_entries(["--a.b", "1", "--ab", "2", "a.b"], ["a"]) == ([("a", ["b"], 1)], ["--ab", "2", "a.b"])
    assert with_entry({"a": {"b": 1, "c": 2}}, ["a", "b"], 3) == {"a": {"b": 3, "c": 2}}
