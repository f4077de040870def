"""Which processes a machine starts, and what it needs to be told for it."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pdgn.models import MODELS, PADGN
from pdgn.training import RunConfig, train
from pdgn.training.launcher import _relay, own_machine, own_ranks, run_processes
from pdgn.training.rank import Rank, require_devices
from tests.training.tiny import tiny_config, write_dataset

PLACE = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "SLURM_NODEID")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    for name in PLACE:
        monkeypatch.delenv(name, raising=False)
    return tiny_config(tmp_path / "tiny.h5", tmp_path, batch_size=12, processes=3, machines=2)


def test_every_process_of_every_machine_has_its_own_number(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "first.example")
    monkeypatch.setenv("MASTER_PORT", "29501")
    numbers = []
    for machine in (0, 1):
        monkeypatch.setenv("SLURM_NODEID" if machine else "NODE_RANK", str(machine))
        monkeypatch.delenv("NODE_RANK" if machine else "SLURM_NODEID", raising=False)
        ranks = own_ranks(config)
        assert {(rank.address, rank.port, rank.of) for rank in ranks} == {("first.example", 29501, 6)}
        assert [Rank(**rank.to_dict()) for rank in ranks] == ranks
        numbers += [rank.number for rank in ranks]
    assert numbers == [0, 1, 2, 3, 4, 5]
    assert ranks[2].environment() == {
        "RANK": "5", "WORLD_SIZE": "6", "LOCAL_RANK": "2", "NODE_RANK": "1", "MASTER_ADDR": "first.example",
        "MASTER_PORT": "29501",
    }  # fmt: skip


@pytest.mark.parametrize(
    "place, message",
    [
        ({}, r"^NODE_RANK of the environment: wanted a number for training\.machines > 1, given none; start the same"),
        ({"NODE_RANK": "two"}, r"^NODE_RANK of the environment: wanted a number .*, given two; "),
        ({"NODE_RANK": "2"}, r"^NODE_RANK of the environment: wanted at most 1, given 2$"),
        ({"NODE_RANK": "0"}, r"^MASTER_ADDR of the environment: wanted a value .*, given none; "),
        ({"NODE_RANK": "0", "MASTER_ADDR": "first.example", "MASTER_PORT": "x"}, r"^MASTER_PORT .* wanted a number "),
    ],
)
def test_several_machines_must_be_told_who_they_are(
    config: RunConfig, place: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(Path(config.data.file))
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        train(config)
    assert not (Path(config.output) / "tiny").exists()


def test_one_machine_need_not_be_told(config: RunConfig) -> None:
    ranks = own_ranks(replace(config, training=replace(config.training, machines=1)))
    assert [rank.number for rank in ranks] == [0, 1, 2] and own_machine(1) == 0


def test_a_model_of_a_script_cannot_be_found_by_other_processes(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = type("Mine", (PADGN,), {"__module__": "__main__"})
    monkeypatch.setitem(MODELS, "mine", mine)
    alone = replace(config, model={"name": "mine"}, training=replace(config.training, machines=1))
    with pytest.raises(ValueError, match=r"^training\.processes: wanted model 'mine' in a module of its own, given"):
        run_processes(alone, own_ranks(alone))


def test_a_process_whose_words_nobody_hears_goes_on() -> None:
    class Deaf(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    command = [sys.executable, "-c", "print('word ' * 10**6)"]  # more than a pipe holds
    for target in (None, Deaf(), heard := io.StringIO()):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            thread = _relay(running.stdout, target)
            assert running.wait(timeout=60) == 0
            thread.join()
    assert heard.getvalue() == "word " * 10**6 + "\n"


def test_more_processes_than_gpus(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    require_devices(config.training)  # on CPUs, as many as one likes
    with pytest.raises(ValueError, match=r"^training\.processes: wanted at most 2, one for each GPU .*, given 3$"):
        require_devices(replace(config.training, accelerator="auto"))
