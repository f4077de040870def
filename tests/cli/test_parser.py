"""Options and config files: every mistake is one line that names the key, what was wanted and what was given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pdgn.cli.config_file import ConfigFile, find_config
from pdgn.cli.main import main
from pdgn.cli.parser import StrictParser, readable
from pdgn.cli.train import build_parser, config_of
from pdgn.training.config import RunConfig

TINY = Path(__file__).resolve().parents[2] / "configs" / "tiny.yaml"


def parse(*words: str) -> RunConfig:
    return config_of(build_parser().parse_args(list(words)))


def with_value(tmp_path: Path, key: str, value: object) -> Path:
    """tiny.yaml with one key set, or removed where the value is `...`."""
    values = yaml.safe_load(TINY.read_text())
    *groups, last = key.split(".")
    target = values
    for group in groups:
        target = target[group]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_file_over_defaults_and_command_line_over_file_in_any_order() -> None:
    config = parse("--training.epochs", "7", "--config", str(TINY), "--model.hidden_channels=16", "--name", "mine")
    assert (config.training.epochs, config.model["hidden_channels"], config.name) == (7, 16, "mine")
    assert config.training.learning_rate == 0.003  # the file's
    assert config.training.weight_decay == 0.0 and config.model["variant"] == "recurrent"  # the defaults


def test_config_survives_the_round_trip_through_yaml(tmp_path: Path) -> None:
    config = parse("--config", str(TINY))
    path = tmp_path / "resolved.yaml"
    path.write_text(yaml.safe_dump(config.to_dict()))
    assert parse("--config", str(path)) == config
    assert RunConfig.from_dict(yaml.safe_load(path.read_text())) == config


def test_the_model_decides_which_options_there_are(tmp_path: Path) -> None:
    path = with_value(tmp_path, "model", {"name": "fixed_operators", "hidden_channels": 8})
    assert "num_hops" not in parse("--config", str(path)).model
    with pytest.raises(ValueError, match=r"--model\.num_hops: unknown key, wanted one of name, hidden_channels"):
        parse("--config", str(path), "--model.num_hops", "1")
    with pytest.raises(ValueError, match=r"num_kernels is an option of .*padgn.*: leave it out for fixed_operators"):
        parse("--config", str(path), "--model.num_kernels", "1")


def test_options_of_the_file_s_model_are_told_from_those_of_the_chosen_one() -> None:
    message = r"model\.num_hops \(.*tiny\.yaml, line \d+\): unknown key.*option of .*padgn.*leave it out for gru"
    with pytest.raises(ValueError, match=message):
        parse("--config", str(TINY), "--model.name", "gru")


def test_text_that_yaml_takes_for_a_truth_value_is_the_file_s_mistake(tmp_path: Path) -> None:
    path = with_value(tmp_path, "name", True)
    with pytest.raises(ValueError, match=r"name \(.*config\.yaml, line"):
        parse("--config", str(path), "--name", "good")


@pytest.mark.parametrize(
    "words, message",
    [
        (["--training.epoch", "3"], r"--training\.epoch: unknown key, .*did you mean 'training\.epochs'"),
        (["--training.epochs", "three"], r"--training\.epochs: wanted an integer, given 'three'"),
        (["--training.epochs", "2.5"], r"--training\.epochs: wanted an integer, given '2\.5'"),
        (["--training.epochs"], r"--training\.epochs: wanted an integer, given nothing"),
        (["--training.schedule", "cosin"], r"schedule: wanted one of constant, cosine, plateau, given 'cosin'"),
        (["--training.clip", "x"], r"--training\.clip: wanted a number or null, given 'x'"),
        (["--training.batch_size", "0"], r"training\.batch_size: wanted an integer of at least 1, given 0"),
        (["--training", "{epochs: 3}"], r"--training: wanted one key at a time, given a group"),
        (["--data.history", "0"], r"data\.history: wanted an integer of at least 1, given 0"),
        (["--data.fields", "3"], r"--data\.fields: wanted a list of text values or null, given '3'"),
        (["--model.hiden_channels", "3"], r"--model\.hiden_channels: .*did you mean 'model\.hidden_channels'"),
        (["--model.channels", "3"], r"--model\.channels: unknown key"),
        (["--model.num_hops", "true"], r"--model\.num_hops: wanted an integer, given 'true'"),
        (["--model.name", "padgm"], r"model\.name: wanted one of .*padgn.*, given 'padgm' \(did you mean 'padgn'"),
        (["--seed", "null"], r"--seed: wanted an integer, given 'null'"),
        (["--seed", "-1"], r"seed: wanted an integer of at least 0 .*, given -1"),
        (["--name", "a/b"], r"name: wanted a plain folder name, given 'a/b'"),
        (["more"], r"pdgn train: wanted options \(--key value\), given 'more'"),
        (["--config"], r"--config: wanted a file, given nothing"),
    ],
)
def test_mistakes_on_the_command_line(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse("--config", str(TINY), *words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("trainig", {}, r"trainig \(.*config\.yaml, line \d+\): unknown key, .*did you mean 'training'"),
        ("training.epoch", 3, r"training\.epoch \(.*line \d+\): unknown key, .*did you mean 'training\.epochs'"),
        ("training", 3, r"training \(.*line \d+\): wanted keys \(epochs, batch_size"),
        (
            "training.epochs",
            ...,
            r"training\.epochs: wanted an integer, given nothing; set it in --config or with --tr",
        ),
        ("training.epochs", "3", r"training\.epochs \(.*line \d+\): wanted an integer, given '3'"),
        ("training.clip", True, r"training\.clip \(.*\): wanted a number or null, given True"),
        ("training.learning_rate", float("nan"), r"training\.learning_rate: wanted a positive number, given nan"),
        ("data.history", 2.0, r"data\.history \(.*line \d+\): wanted an integer, given 2\.0"),
        ("data.file", 3, r"data\.file \(.*line \d+\): wanted text, given 3"),
        ("data.file", ..., r"data\.file: wanted text, given nothing"),
        ("data.node_context", "pos", r"data\.node_context \(.*\): wanted a list of text values, given 'pos'"),
        ("model.use_mask", "yes", r"model\.use_mask \(.*line \d+\): wanted true or false, given 'yes'"),
        ("model.width", 3, r"model\.width \(.*line \d+\): unknown key"),
        ("model.name", 3, r"model\.name: wanted one of .*, given 3"),
        ("seed", None, r"seed \(.*line \d+\): wanted an integer, given None"),
        ("overwrite", True, r"overwrite \(.*line \d+\): unknown key"),
        ("name", ..., r"name: wanted text, given nothing"),
        ("name", True, r"name \(.*line \d+\): wanted text, given True \(YAML reads on, off, .*: put it in quotes\)"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse("--config", str(with_value(tmp_path, key, value)))
    assert "\n" not in str(caught.value)


def test_the_line_number_is_that_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("# a comment\nname: x\n\ntraining:\n  batch_size: 2\n  epcohs: 3\n")
    with pytest.raises(ValueError, match=r"training\.epcohs \(.*c\.yaml, line 6\)"):
        parse("--config", str(path))


@pytest.mark.parametrize(
    "text, message",
    [
        ("name: [x\nfoo", r"c\.yaml, line 2: wanted YAML, but while parsing a flow sequence"),
        ("name: a\ndata: {}\nname: b\n", r"name \(.*c\.yaml, line 1\): wanted once, given again in line 3"),
        ("", r"c\.yaml: wanted keys and values, given nothing"),
        ("- 1\n", r"c\.yaml: wanted keys and values, given \[1\]"),
        ("name: x\n\ttab: 3", r"c\.yaml, line 2: wanted YAML"),
        ("name: !!python/object:os.system {}", r"c\.yaml, line 1: wanted YAML, but could not determine a constructor"),
    ],
)
def test_files_that_are_no_config(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        parse("--config", str(path))
    assert "\n" not in str(caught.value)


def test_a_binary_file_is_no_config(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00abc")
    with pytest.raises(ValueError, match=r"c\.yaml: wanted a YAML file, given bytes that are no text"):
        ConfigFile(path)


def test_numbers_without_a_point_before_the_exponent_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(TINY.read_text().replace("learning_rate: 0.003", "learning_rate: 3e-3"))
    assert parse("--config", str(path)).training.learning_rate == 0.003


def test_configs_are_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(TINY.parents[1])
    assert find_config("tiny", "configs", "pdgn.configs").samefile(TINY)
    # Away from the repository, from the package; the repository's path means the same file.
    monkeypatch.chdir(tmp_path)
    assert find_config("configs/tiny.yaml", "configs", "pdgn.configs").read_text() == TINY.read_text()
    with pytest.raises(
        FileNotFoundError, match=r"--config: wanted a file or one of .*tiny.*, given 'tny': no such file"
    ):
        find_config("tny", "configs", "pdgn.configs")


def test_help_tells_every_key_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--training.patience PATIENCE stop after this many epochs without a better validation loss" in text
    assert "--model.num_kernels" in text and "--data.file FILE the HDF5 dataset" in text
    assert "--training CONFIG" not in text


def test_other_commands_can_use_the_parser() -> None:
    parser = StrictParser("pdgn other", folder="configs", package="pdgn.configs")
    parser.add_argument("--steps", type=int, required=True, help="How many.")
    assert parser.parse_args(["--steps", "3"]).steps == 3
    with pytest.raises(ValueError, match=r"--step: unknown key, wanted one of steps \(did you mean 'steps'\?\)"):
        parser.parse_args(["--step", "3"])


def test_types_in_words() -> None:
    assert readable(int | None) == "an integer or null"
    assert readable(list[str]) == "a list of text values"


def test_the_command_prints_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", str(TINY), "--training.epoch", "3"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and re.fullmatch(r"pdgn: error: --training\.epoch: unknown key, .*\n", captured.err)
