"""Processes on this machine that share tasks, one thread each; they end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from threadpoolctl import threadpool_limits

from pdgn.cli.recipe import Recipe
from pdgn.cli.task_queue import TaskQueue
from pdgn.cli.tasks import LostWorkerError, Result, Task, attempt, label, perform

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SECONDS_TO_END = 5.0


def cores() -> int:
    """How many processes can run at once.

    Returns:
        The cores that this process may use, at least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def computed_here(recipe: Recipe, tasks: Sequence[Task]) -> Iterator[Result]:
    """The tasks' results, computed by this process with one thread.

    Args:
        recipe: the recipe.
        tasks: what to compute.

    Yields:
        Results, in any order.
    """
    queue, bundle = TaskQueue(recipe, tasks), None
    while (bundle := queue.take(bundle.member if bundle is not None else None)) is not None:
        for task in bundle.tasks:
            with threadpool_limits(1):
                result = perform(recipe, task)
            yield result


def computed_by_workers(recipe: Recipe, tasks: Sequence[Task], count: int) -> Iterator[Result]:
    """The tasks' results, computed by processes with one thread each.

    A process holds one task and one result at most, so that memory does not grow with the number of tasks. All of
    them are ended when the iterator is closed, and end by themselves when this process is killed.

    Args:
        recipe: the recipe.
        tasks: what to compute.
        count: processes.

    Yields:
        Results, in any order.

    Raises:
        LostWorkerError: a process was killed or crashed; the message names its task.
        Exception: as `perform`.
    """
    queue, workers = TaskQueue(recipe, tasks), list[_Worker]()
    try:
        for _ in range(min(count, len(queue))):
            workers.append(_start(recipe))
        for worker in workers:
            _hand_out(queue, worker, workers)
        while busy := [worker for worker in workers if worker.tasks]:
            ready = wait([worker.connection for worker in busy])
            failures: list[Exception] = []
            for worker in busy:
                if worker.connection in ready:
                    outcome = _receive(worker)
                    if isinstance(outcome, Exception):
                        failures.append(outcome)
                        continue
                    _hand_out(queue, worker, workers)
                    yield outcome
            if failures:
                raise failures[0]
    finally:
        _end(workers)


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    tasks: tuple[Task, ...] = ()  # that it holds; it works on the first
    member: int | None = None


def _start(recipe: Recipe) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(recipe, there), daemon=True)
    with _inherited():
        process.start()
    there.close()  # else its end would not be noticed
    return _Worker(process, here)


@contextmanager
def _inherited() -> Iterator[None]:
    """One thread of linear algebra, set before it is loaded; and Ctrl-C is for the process that started the others."""
    resource_tracker.ensure_running()  # as it would unblock the signal
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(recipe: Recipe, connection: Connection) -> None:
    """What a process does: tasks come in, results go out, until the other side is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with threadpool_limits(1):
        try:
            while True:
                connection.send(attempt(recipe, connection.recv()))
        except (EOFError, OSError):
            return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _hand_out(queue: TaskQueue, worker: _Worker, workers: list[_Worker]) -> None:
    """Gives a process its next task, of the bundle that it has begun or of another."""
    worker.tasks = worker.tasks[1:]
    if not worker.tasks:
        others = [other.member for other in workers if other is not worker and other.tasks and other.member is not None]
        bundle = queue.take(worker.member, others)
        if bundle is None:
            return
        worker.member, worker.tasks = bundle
    with suppress(OSError):  # where it is gone, the next receive says so
        worker.connection.send(worker.tasks[0])


def _receive(worker: _Worker) -> Result | Exception:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join(_SECONDS_TO_END)
        return LostWorkerError(
            f"{label(worker.tasks[0])}: the process that computed it {_cause(worker.process.exitcode)}; what was "
            "finished is kept, the same command continues"
        )


def _cause(status: int | None) -> str:
    if status == -signal.SIGKILL:
        return "was killed (SIGKILL), perhaps for want of memory: take fewer --workers"
    if status is not None and status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return "went away" if status is None else f"ended with exit status {status}"


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.connection.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(_SECONDS_TO_END)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
