"""Tasks computed on a `dask.distributed` cluster, one at a time and with one thread in every worker process."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.metadata import version
from typing import Any

from threadpoolctl import threadpool_limits

from pdgn.cli.recipe import Recipe
from pdgn.cli.task_queue import Bundle, TaskQueue
from pdgn.cli.tasks import LostWorkerError, Result, Task, attempt, label
from pdgn.version import __version__

CONNECT_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
_TASKS_PER_THREAD = 2  # one that is computed and one that waits
_NUMERIC = ("numpy", "scipy", "cholespy", "potpourri3d", "pygeodesic")
_ONE_AT_A_TIME = threading.Lock()


def computed_on_cluster(
    recipe: Recipe, tasks: Sequence[Task], address: str, *, patience: float = PATIENCE_SECONDS
) -> Iterator[Result]:
    """The tasks' results, computed by the workers of a cluster.

    No more than two tasks per worker thread are submitted at a time, so that memory does not grow with their number,
    neither here nor there. A task whose worker vanishes is given to another one by the scheduler, a few times.

    Args:
        recipe: the recipe.
        tasks: what to compute.
        address: of the scheduler, for example tcp://10.0.0.1:8786.
        patience: how long to wait [s] for a worker where there is none.

    Yields:
        Results, in any order.

    Raises:
        ValueError: dask is not installed; the workers have other versions of what decides the numbers.
        LostWorkerError: the scheduler or all workers are gone, or a task took several workers with it.
        Exception: as `perform`.
    """
    with (
        _client(address) as client,
        closing(_outcomes(client, address, recipe, TaskQueue(recipe, tasks), patience)) as outcomes,
    ):
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome


def _outcomes(
    client: Any, address: str, recipe: Recipe, queue: TaskQueue, patience: float
) -> Generator[Result | Exception, None, None]:
    futures: dict[Any, Bundle] = {}
    wanted = versions()
    with _one_line(address):
        _require_same_versions(client, wanted, patience)
        try:
            while True:
                threads = sum(_with_workers(client, patience).values())
                while len(futures) < _TASKS_PER_THREAD * threads and (bundle := queue.take()) is not None:
                    futures[client.submit(_attempt, wanted, recipe, bundle, pure=False)] = bundle
                if not futures:
                    return
                for future in _finished(client, list(futures)):
                    yield from _answers(future, futures.pop(future))
                    future.release()
        finally:
            client.cancel(list(futures))


def versions() -> dict[str, str]:
    """What decides the numbers: the file is the same where these are.

    Returns:
        Library → version.
    """
    return {"pdgn": __version__, **{name: version(name) for name in _NUMERIC}}


def _attempt(wanted: dict[str, str], recipe: Recipe, bundle: Bundle) -> list[Result | Exception]:
    """What a worker of the cluster runs; also one that came after the others."""
    with _ONE_AT_A_TIME, threadpool_limits(1):
        differs = _other_version(wanted, versions())
        return [attempt(recipe, task) for task in bundle.tasks] if differs is None else [differs]


def _other_version(wanted: dict[str, str], given: dict[str, str]) -> ValueError | None:
    for name in wanted:
        if given.get(name) != wanted[name]:
            there = f"{name} {given[name]}" if name in given else f"no {name}"
            return ValueError(f"--scheduler: wanted workers with {name} {wanted[name]} as here, given {there}")
    return None


def _require_same_versions(client: Any, wanted: dict[str, str], patience: float) -> None:
    names = list(wanted)

    def installed() -> dict[str, str]:  # sent as it is, so that it runs where there is no pdgn
        import importlib
        from contextlib import suppress
        from importlib.metadata import PackageNotFoundError, version

        found = {}
        for name in names:
            with suppress(ImportError, PackageNotFoundError):
                found[name] = importlib.import_module("pdgn.version").__version__ if name == "pdgn" else version(name)
        return found

    _with_workers(client, patience)
    for given in client.run(installed).values():
        if (error := _other_version(wanted, given)) is not None:
            raise error


def _with_workers(client: Any, patience: float) -> dict[str, int]:
    """Worker → threads, as soon as there is a worker."""
    end = time.monotonic() + patience
    while not (threads := client.nthreads()):
        if time.monotonic() > end:
            raise LostWorkerError(
                f"--scheduler: wanted at least one worker, given none for {patience:.0f} s; what was finished is kept, "
                "the same command continues"
            )
        time.sleep(min(0.2, patience))
    return threads


def _finished(client: Any, futures: list[Any]) -> list[Any]:
    """Those that are ready within a second, after which it is time to look for workers that came or went."""
    from distributed import TimeoutError, wait

    try:
        with client.as_current():
            return list(wait(futures, timeout=1, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


def _answers(future: Any, bundle: Bundle) -> list[Result | Exception]:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        return [
            LostWorkerError(
                f"{label(bundle.tasks[0])}: several workers of the cluster vanished while they computed it, perhaps "
                "for want of memory; what was finished is kept, the same command continues"
            )
        ]


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        import distributed
    except ImportError:
        raise ValueError(
            "--scheduler: wanted dask.distributed, which is not installed; pip install 'pdgn[distributed]'"
        ) from None
    # Dask takes half a minute and several lines to give up on an address that it does not understand.
    if not re.fullmatch(r"((tcp|tls|ws|wss)://)?[^\s/]+:\d{1,5}", address):
        raise ValueError(f"--scheduler: wanted the address of a scheduler, tcp://HOST:PORT, given {address!r}")
    with _quiet():
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            text = " ".join(str(error).split())
            raise OSError(f"--scheduler: wanted a scheduler at '{address}', given no answer: {text}") from error
        try:
            yield client
        finally:
            client.close(timeout=CONNECT_SECONDS)


@contextmanager
def _one_line(address: str) -> Iterator[None]:
    """What dask raises where the cluster goes away."""
    from concurrent.futures import CancelledError

    try:
        yield
    except CancelledError as error:
        raise _gone(address, error) from error
    except OSError as error:
        raise error if isinstance(error, LostWorkerError) else _gone(address, error) from error


def _gone(address: str, error: Exception) -> LostWorkerError:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return LostWorkerError(
        f"--scheduler: the scheduler at '{address}' went away ({text}); what was finished is kept, the same command "
        "continues"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask logs, several lines at a time, what here becomes one line."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
