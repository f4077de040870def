"""The runner: what it skips, shares, continues, and how it tells of failures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from experiments import run as runner_module
from experiments.__main__ import main
from experiments.commands import Budget, Commands, Evaluation
from experiments.dataset import Dataset
from experiments.lock import locked
from experiments.results import read_result, results_file
from experiments.rows import Row
from experiments.run import Outcome, Runner
from tests.training.tiny import tiny_config, write_dataset

ROWS = [Row("made_up", name, 0, True) for name in ("one", "two", "three", "four")]
EPOCHS = 16
NOTHING_TESTED = {"training": {"core_seconds": 60.0, "budget_limited": False}}


def scripted(folder: Path, script: Callable[[Row], str], data: Dataset | None = None) -> Callable[..., Commands]:
    """Rows that run a line of Python and have no test."""
    here = data or Dataset(Path(__file__), ())
    return lambda row, budget: Commands(here, folder / row.model, ("-c", script(row)), ())


def make(folder: Path, planned: Callable[..., Commands], **options: object) -> Runner:
    return Runner(results=folder / "results", runs=folder / "runs", planned=planned, **options)


@pytest.fixture
def _real() -> None:
    """Of a test whose rows have metrics."""


@pytest.fixture(autouse=True)
def _collected(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Scripted rows have no metrics of their own."""
    if "_real" not in request.fixturenames:
        monkeypatch.setattr(runner_module, "collect", lambda row, planned, skipped: {**NOTHING_TESTED, "of": skipped})


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.row.model: outcome.state for outcome in outcomes}


def test_finished_rows_are_skipped_and_again_runs_them_anew(tmp_path: Path) -> None:
    planned = scripted(tmp_path, lambda row: f"open({str(tmp_path / row.model)!r} + '.ran', 'a').write('x')")
    target = results_file(ROWS[1], tmp_path / "results")
    target.parent.mkdir(parents=True)
    target.write_text("{}")
    assert states(make(tmp_path, planned).run(ROWS[:2], jobs=1)) == {"one": "done", "two": "there"}
    assert (tmp_path / "one.ran").read_text() == "x" and not (tmp_path / "two.ran").exists()
    assert states(make(tmp_path, planned).run(ROWS[:2])) == {"one": "there", "two": "there"}
    assert target.read_text() == "{}"
    again = make(tmp_path, scripted(tmp_path, lambda row: "import sys; print(sys.argv[1:])"), again=True)
    assert states(again.run(ROWS[1:2])) == {"two": "done"} and target.read_text() != "{}"
    assert "['--overwrite']" in (tmp_path / "runs/made_up/two-0.log").read_text()


def test_a_failing_row_is_told_in_one_line_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(row: Row) -> str:
        return "import sys; print('about to'); sys.exit('no such\\x20thing')" if row.model == "two" else "print(1)"

    outcomes = make(tmp_path, scripted(tmp_path, script)).run(ROWS, jobs=2)
    assert states(outcomes) == {"one": "done", "two": "failed", "three": "done", "four": "done"}
    out, err = capsys.readouterr()
    assert len(err.strip().splitlines()) == 1 and "made_up/two-0: failed, no such thing (status 1; " in err
    assert len(out.strip().splitlines()) == 3 and "/4, 0 min] made_up/" in out and "1.0 min of training" in out
    assert not results_file(ROWS[1], tmp_path / "results").exists()


def test_a_row_of_another_runner_is_left_alone(tmp_path: Path) -> None:
    planned = scripted(tmp_path, lambda row: "print(1)")
    with locked(tmp_path / "runs" / "made_up" / "one-0.lock") as held:
        assert held is not None
        assert states(make(tmp_path, planned).run(ROWS[:2])) == {"one": "busy", "two": "done"}
    assert states(make(tmp_path, planned).run(ROWS[:2])) == {"one": "done", "two": "there"}


def test_two_runners_share_the_rows(tmp_path: Path) -> None:
    log = tmp_path / "ran"
    script = f"import time; time.sleep(0.3); open({str(log)!r}, 'a').write('x')"
    runners = [make(tmp_path, scripted(tmp_path, lambda row: script)) for _ in range(2)]
    threads = [threading.Thread(target=runner.run, args=(ROWS, 2)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.read_text() == "x" * len(ROWS)
    assert all(results_file(row, tmp_path / "results").is_file() for row in ROWS)


def test_the_lock_lives_on_in_the_program_of_a_runner_that_died(tmp_path: Path) -> None:
    path, other = tmp_path / "row.lock", Runner(runs=tmp_path)
    with locked(path) as held:
        assert held is not None
        child = threading.Thread(
            target=other.children.run, args=(("-c", "import time; time.sleep(1)"), tmp_path / "log", held)
        )
        child.start()
        time.sleep(0.3)  # the program has started; leaving the block closes the descriptor, as a death does
    with locked(path) as taken:
        assert taken is None
    child.join()
    with locked(path) as taken:
        assert taken is not None


def test_every_program_has_one_thread(tmp_path: Path) -> None:
    script = "import os; print({os.environ[f'{name}_NUM_THREADS'] for name in ('OMP', 'MKL', 'OPENBLAS')})"
    make(tmp_path, scripted(tmp_path, lambda row: script)).run(ROWS[:1])
    assert "{'1'}" in (tmp_path / "runs/made_up/one-0.log").read_text()


def test_data_that_is_not_part_of_the_repository_skips_a_row_or_a_test(tmp_path: Path) -> None:
    absent = Dataset(tmp_path / "none.h5", ("-c", "raise SystemExit(1)"), (tmp_path / "spot.obj",))
    planned = scripted(tmp_path, lambda row: "print(1)", data=absent)
    outcome = make(tmp_path, planned).attempt(ROWS[0])
    assert outcome.state == "skipped" and outcome.line.startswith(f"no {tmp_path / 'spot.obj'}")
    test = Evaluation("real", absent, tmp_path / "real", ("-c", "raise SystemExit(1)"))
    plain = scripted(tmp_path, lambda row: "print(1)")
    made = make(tmp_path, lambda row, budget: plain(row, budget)._replace(evaluations=(test,)))
    assert made.attempt(ROWS[1]).state == "done"
    assert "spot.obj" in read_result(results_file(ROWS[1], tmp_path / "results"))["of"]["real"]


def test_a_dataset_is_made_once_for_all_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "made.h5"
    words = ("-c", f"import time; time.sleep(0.3); open({str(file)!r}, 'a').write('x')")
    planned = scripted(tmp_path, lambda row: "print(1)", data=Dataset(file, words))
    assert set(states(make(tmp_path, planned).run(ROWS, jobs=4)).values()) == {"done"}
    assert file.read_text() == "x"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that trains for some seconds."""
    folder = tmp_path_factory.mktemp("tiny")
    data = write_dataset(folder / "tiny.h5")
    values = tiny_config(data, folder, epochs=EPOCHS).to_dict()
    (folder / "config.yaml").write_text(yaml.safe_dump(values | {"name": "row"}))
    return folder


def real_row(tiny: Path, runs: Path) -> Callable[[Row, Budget], Commands]:
    """A row that trains and evaluates with the ordinary commands."""
    data, folder = Dataset(tiny / "tiny.h5", ()), runs / "row"
    train = ("train.py", "--config", str(tiny / "config.yaml"), "--output", str(runs))
    train += ("--evaluation.figures", "false")
    test = Evaluation("test", data, folder, ("evaluate.py", "--checkpoint", str(folder / "best.ckpt")))
    return lambda row, budget: Commands(data, folder, train, (test,))


@pytest.mark.slow
@pytest.mark.usefixtures("_real")
def test_a_stopped_row_goes_on_from_its_last_checkpoint(tiny: Path, tmp_path: Path) -> None:
    planned = real_row(tiny, tmp_path / "run")
    first = make(tmp_path, planned)
    found: list[Outcome] = []
    working = threading.Thread(target=lambda: found.append(first.attempt(ROWS[0])))
    working.start()
    end = time.monotonic() + 120
    while not (tmp_path / "run" / "row" / "last.ckpt").exists() and time.monotonic() < end:
        time.sleep(0.02)
    first.children.stop()
    working.join()
    assert [outcome.state for outcome in found] == ["stopped"]
    assert not (tmp_path / "run/row/finished").exists() and first.attempt(ROWS[1]).state == "stopped"
    outcome = make(tmp_path, planned).attempt(ROWS[0])
    assert outcome.state == "done", outcome.line
    log = (tmp_path / "runs/made_up/one-0.log").read_text()
    assert "continues after epoch" in log and log.count(f"epoch {EPOCHS}/{EPOCHS}") == 1
    result = read_result(results_file(ROWS[0], tmp_path / "results"))
    assert result["training"]["epochs"] == EPOCHS and result["training"]["ended"] == "epochs"
    assert not result["training"]["budget_limited"] and result["parameters"] > 0
    said = json.loads((tmp_path / "run/row/metrics.json").read_text())
    mae = next(iter(said["models"].values()))["groups"]["all"]["total"]["mae"]["u"]
    assert result["tests"]["test"]["groups"]["all"]["total"]["mae"]["u"] == float(f"{mae:.5g}")
    assert result["commands"][0].startswith("python train.py --config") and "evaluate.py" in result["commands"][1]


def test_the_program_says_what_it_does_not_understand(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "heat/nobody"]) == 2
    said = capsys.readouterr().err
    assert "given 'heat/nobody'" in said and len(said.splitlines()) == 1
