"""The writer: what is written is read, no kill loses a finished block, no mistake destroys a good file."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock, check_file, open_file
from pdgn.mesh import icosphere
from tests.data.dummy import arrays, assert_same, dummy_block, dummy_writer, write_dummy


class Killed(BaseException):
    """Stands for the end of the process."""


RECORD = MeshRecord.from_mesh(icosphere(0), unit="m")
BLOCKS = [dummy_block(RECORD, "ball", i, split, count=1, frames=4) for i, split in enumerate(("train", "test"))]


def run(path: Path, finished: list | None = None, **options) -> Path:
    """A small run that continues what is there; finished collects what write calls have returned."""
    finished = [] if finished is None else finished
    with dummy_writer(path, **options) as writer:
        if not writer.has_mesh("ball"):
            writer.write_mesh("ball", RECORD)
        finished.append("mesh")
        for block in BLOCKS:
            if not writer.has_block("ball", block.index):
                writer.write_block(block)
            finished.append(block.index)
        return writer.finish()


# Every call through which the writer changes the disk: those of the system, and those into the HDF5 library.
HOOKS = [
    (os, "open"), (os, "write"), (os, "fsync"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir"),
    (h5py.Dataset, "__setitem__"), (h5py.File, "flush"), (h5py.File, "close"),
]  # fmt: skip


@contextmanager
def kill_at(number: int, kill: Callable[[], None]) -> Iterator[list[str]]:
    """Call ``kill`` in the number-th of the hooked calls; a write then has written half of its bytes."""
    calls = []
    originals = [(owner, name, getattr(owner, name)) for owner, name in HOOKS]

    def hook(original: Callable, name: str) -> Callable:
        def call(*args, **kwargs):
            calls.append(name)
            if len(calls) == number:
                if name == "write":
                    original(args[0], bytes(args[1])[: len(args[1]) // 2])
                kill()
            return original(*args, **kwargs)

        return call

    for owner, name, original in originals:
        setattr(owner, name, hook(original, name))
    try:
        yield calls
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def raise_killed() -> None:
    raise Killed


def calls_of_a_run(path: Path) -> list[str]:
    with kill_at(0, raise_killed) as calls:
        run(path)
    return calls


def require_survival(path: Path, finished: list, wanted: dict) -> None:
    """After a kill: finished blocks are there, a file in place is whole, the same call ends with the same arrays."""
    if path.exists():
        assert_same(arrays(path), wanted)
        with pytest.raises(FileExistsError, match="finished"):
            run(path)
    else:
        with dummy_writer(path) as writer:
            assert all(
                writer.has_mesh("ball") if done == "mesh" else writer.has_block("ball", done) for done in finished
            )
        run(path)
    assert_same(arrays(path), wanted)
    assert check_file(path) == []


@pytest.mark.parametrize("every", [14, pytest.param(1, marks=pytest.mark.slow)])
def test_kill_points_are_survived(tmp_path, every):
    """Those in a write and where a file gets or loses its name, and of the others one of so many."""
    wanted = arrays(run(tmp_path / "whole.h5"))
    calls = calls_of_a_run(tmp_path / "count.h5")
    assert len(calls) > 50  # else the hooks do not reach the writer
    for number, name in enumerate(calls, 1):
        if number % every and name not in ("write", "mkdir", "replace", "unlink", "rmdir"):
            continue
        path, finished = tmp_path / f"{number}.h5", []
        with kill_at(number, raise_killed), pytest.raises(Killed):
            run(path, finished)
        require_survival(path, finished, wanted)
        leftover = path.with_name(path.name + ".partial")
        assert not leftover.exists() or not list(leftover.glob("*.h5"))


@pytest.mark.parametrize("every", [14, pytest.param(7, marks=pytest.mark.slow)])
def test_real_kills_are_survived(tmp_path, every):
    wanted = arrays(run(tmp_path / "whole.h5"))
    total = len(calls_of_a_run(tmp_path / "count.h5"))
    for number in range(1, total + 1, every):
        path = tmp_path / f"{number}.h5"
        child = os.fork()
        if child == 0:
            with kill_at(number, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                run(path)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        require_survival(path, [], wanted)


def test_the_file_is_put_in_place_by_one_rename(tmp_path, monkeypatch):
    """A rename that never happens leaves the old file as it was."""
    path = run(tmp_path / "a.h5")
    before, replace = path.read_bytes(), os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: raise_killed() if new == path else replace(old, new))
    with pytest.raises(Killed):
        run(path, overwrite=True)
    assert path.read_bytes() == before


def test_round_trip_and_independence_of_order(tmp_path):
    forward = run(tmp_path / "a.h5")
    with dummy_writer(tmp_path / "b.h5") as writer:
        for block in reversed(BLOCKS):
            writer.write_block(block)
        writer.write_mesh("ball", RECORD)
        backward = writer.finish()
    assert_same(arrays(forward), arrays(backward))
    with open_file(forward) as file:
        record = file.record("ball")
        np.testing.assert_array_equal(record.pos, RECORD.pos)
        np.testing.assert_array_equal(record.edge_index, RECORD.edge_index)
        for kind in ("node", "edge"):
            assert getattr(record, kind).keys() == getattr(RECORD, kind).keys()
            for name, values in getattr(RECORD, kind).items():
                np.testing.assert_array_equal(getattr(record, kind)[name], values)
        values, mask = file.frames("ball", 1, 1, 3, ["u"])
        np.testing.assert_array_equal(values, BLOCKS[1].fields["u"][0, 1:3])
        assert mask is None
        assert file.trajectories("ball").split.tolist() == ["train", "test"]
    assert not (tmp_path / "a.h5.partial").exists()


def test_every_array_has_a_checksum_and_every_attribute_a_hash(tmp_path):
    with h5py.File(run(tmp_path / "a.h5")) as file:
        items = [file]
        file.visititems(lambda _, item: items.append(item))
    with h5py.File(tmp_path / "a.h5") as file:
        names = []
        file.visititems(lambda name, item: names.append(name))
        for name in names:
            item = file[name]
            assert not isinstance(item, h5py.Dataset) or item.fletcher32
            assert not len(item.attrs) or "attribute_hash" in item.attrs
        assert file["trajectories/ball/fields/u"].chunks == (1, 4, 12, 1)


def test_finished_output_is_refused_and_overwrite_keeps_the_old_file_until_the_end(tmp_path):
    path = run(tmp_path / "a.h5")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"a\.h5: exists and is finished; give --overwrite"):
        dummy_writer(path)
    with dummy_writer(path, overwrite=True, config="kind: other") as writer:
        writer.write_mesh("ball", RECORD)
        assert path.read_bytes() == before
        writer.write_block(BLOCKS[0])
        writer.finish()
    with open_file(path) as file:
        assert file.attributes["config"] == "kind: other"
        assert file.trajectories("ball").split.tolist() == ["train"]


def test_partial_of_another_configuration_is_refused(tmp_path):
    with dummy_writer(tmp_path / "a.h5") as writer:
        writer.write_mesh("ball", RECORD)
    with pytest.raises(
        FileExistsError, match="interrupted run of another configuration .config_hash differ.; continue"
    ):
        dummy_writer(tmp_path / "a.h5", config="kind: other")
    with pytest.raises(FileExistsError, match="seed differ"):
        dummy_writer(tmp_path / "a.h5", seed=1)
    with dummy_writer(tmp_path / "a.h5", config="kind:   dummy  # a comment changes nothing") as writer:
        assert writer.has_mesh("ball")


def test_a_second_process_is_refused(tmp_path):
    with dummy_writer(tmp_path / "a.h5"):
        child = os.fork()
        if child == 0:
            try:
                dummy_writer(tmp_path / "a.h5")
            except OSError as error:
                os._exit(3 if "another process is writing" in str(error) else 4)
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_full_disk_is_one_clear_error_and_shards_are_kept(tmp_path, monkeypatch):
    writer = dummy_writer(tmp_path / "a.h5")
    writer.write_mesh("ball", RECORD)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(
            OSError, match="cannot write .*no space left on the disk; finished shards are kept in"
        ) as caught:
            writer.write_block(BLOCKS[0])
    assert "\n" not in str(caught.value)
    assert writer.has_mesh("ball") and not writer.has_block("ball", 0)
    for block in BLOCKS:
        writer.write_block(block)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="no space left on the disk"):
            writer.finish()
    assert_same(arrays(writer.finish()), arrays(run(tmp_path / "b.h5")))


@pytest.mark.parametrize("reserve, reason", [(True, "file too large"), (False, "input/output error|file too large")])
def test_the_whole_file_does_not_fit(tmp_path, reserve, reason):
    """A limit on the size of files lets the shards pass and not the whole, with and without reserving space first."""
    message, path = tmp_path / "message", tmp_path / "a.h5"
    child = os.fork()
    if child == 0:
        os.dup2(os.open(tmp_path / "stderr", os.O_WRONLY | os.O_CREAT), 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, 64_000))
        if not reserve:
            os.posix_fallocate = lambda *_: None
        try:
            with dummy_writer(path) as writer:
                writer.write_mesh("ball", RECORD)
                for index in range(8):
                    writer.write_block(dummy_block(RECORD, "ball", index, "train", count=4, frames=100))
                writer.finish()
        except OSError as error:
            message.write_text(str(error))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    text = message.read_text()
    assert re.search(rf"^cannot write .*({reason}); finished shards are kept in .*$", text) and "\n" not in text
    assert not reserve or not (tmp_path / "stderr").read_text()
    assert not path.exists() and not list(tmp_path.glob("*.partial/*.tmp"))
    with dummy_writer(path) as writer:
        assert all(writer.has_block("ball", index) for index in range(8))
        assert check_file(writer.finish()) == []


def test_unwritable_folder_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write .*file/a\.h5\.partial: not a directory"):
        dummy_writer(tmp_path / "file" / "a.h5")
    with pytest.raises(OSError, match="nothing was finished: mend this and run again, or choose another output$"):
        dummy_writer(tmp_path / "file" / "a.h5")
    with pytest.raises(FileExistsError, match="wanted the path of a file, got a folder"):
        dummy_writer(tmp_path)


def test_missing_and_unfitting_blocks_are_named(tmp_path):
    with dummy_writer(tmp_path / "a.h5") as writer:
        with pytest.raises(ValueError, match="no trajectories were written"):
            writer.finish()
        writer.write_block(BLOCKS[1])
        with pytest.raises(ValueError, match="block 0 of mesh 'ball' is missing"):
            writer.finish()
        with pytest.raises(FileExistsError, match="shards never change"):
            writer.write_block(BLOCKS[1])
        writer.write_block(dummy_block(RECORD, "ball", 0, "train", frames=5))
        with pytest.raises(ValueError, match="the mesh itself was not written"):
            writer.finish()
        writer.write_mesh("ball", RECORD)
        with pytest.raises(
            ValueError, match=r"00000001\.h5: fields/u: wanted dtype and shape .*5, 12, 1.* got .*4, 12, 1"
        ):
            writer.finish()


def test_damaged_shard_is_named(tmp_path):
    with dummy_writer(tmp_path / "a.h5") as writer:
        writer.write_mesh("ball", RECORD)
        for block in BLOCKS:
            writer.write_block(block)
        shard = writer.partial / "block=ball=00000001.h5"
        flip_chunk(shard, "fields/u")
        with pytest.raises(
            OSError, match=r"00000001\.h5: /fields/u: cannot be read, checksum failure.*remove this shard"
        ):
            writer.finish()
        shard.unlink()
        writer.write_block(BLOCKS[1])
        assert check_file(writer.finish()) == []


def flip_chunk(path: Path, name: str) -> None:
    """Change one byte of the first chunk of an array."""
    with h5py.File(path) as file:
        position = file[name].id.get_chunk_info(0).byte_offset + 5
    content = bytearray(path.read_bytes())
    content[position] ^= 64
    path.write_bytes(content)


def block(**changes) -> TrajectoryBlock:
    standard = {
        "mesh": "ball", "index": 0, "time": np.arange(3.0), "fields": {"u": np.zeros((2, 3, 12, 1))},
        "mask": {}, "parameters": {}, "split": ("train", "test"),
    }  # fmt: skip
    return TrajectoryBlock(**{**standard, **changes})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"mesh": "a/b"}, "mesh: wanted a name of letters"),
        ({"split": ("train", "holdout")}, "split: wanted one of train, valid, test, got 'holdout'"),
        ({"split": ("train",)}, r"wanted shape \[1, 3, V, C\], got \[2, 3, 12, 1\]"),
        ({"time": np.array([0.0, 2.0, 1.0])}, "time: wanted .* strictly increasing"),
        ({"fields": {"u": np.zeros((2, 3, 12, 1), dtype=int)}}, "wanted float32 or float64, got int64"),
        ({"fields": {"u": np.full((2, 3, 12, 1), np.nan)}}, "wanted finite values where observed, got 72 node frames"),
        ({"mask": {"v": np.ones((2, 3, 12), bool)}}, "mask 'v': wanted the name of a field, available: u"),
        ({"mask": {"u": np.ones((2, 3, 1), bool)}}, r"mask: wanted bool \[2, 3, 12\], got bool \[2, 3, 1\]"),
        ({"parameters": {"a": np.zeros(3)}}, r"parameter 'a': wanted numbers \[2, ...\], got float64 \[3\]"),
        ({"parameters": {"a": np.array([1, np.inf])}}, "parameter 'a': wanted finite values"),
    ],
)
def test_bad_blocks_are_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        block(**changes)


def test_units_are_asked_for(tmp_path):
    with dummy_writer(tmp_path / "a.h5") as writer, pytest.raises(ValueError, match="wanted a unit for field 'w'"):
        writer.write_block(block(fields={"w": np.zeros((2, 3, 12, 1))}))
    with pytest.raises(ValueError, match="config: wanted YAML text"):
        DatasetWriter(tmp_path / "b.h5", config="a: [", name="b", seed=0)


@pytest.mark.parametrize("config", ["made by arr.py", "", "- a", "3", {"made_by": "arr.py"}])
def test_a_config_that_the_checker_refuses_is_refused_at_once(tmp_path, config):
    with pytest.raises(ValueError, match="wanted the attribute 'config' to be YAML keys and values, got .*; give text"):
        DatasetWriter(tmp_path / "a.h5", config=config, name="a", seed=0)
    assert list(tmp_path.iterdir()) == []


def test_the_dummy_is_a_good_file(tmp_path):
    assert check_file(write_dummy(tmp_path / "a.h5", masked=True)) == []
