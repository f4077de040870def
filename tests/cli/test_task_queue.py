"""The order of the work: everything once, meshes first, one simulation for a surface and the sensors on it."""

from __future__ import annotations

import pytest

from pdgn.cli import jobs
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import places
from pdgn.cli.task_queue import Bundle, TaskQueue
from pdgn.cli.tasks import MeshTask, Task
from pdgn.cli.workers import computed_here
from tests.cli.generated import SMALL, recipe_of


@pytest.fixture
def recipe() -> Recipe:
    """Two surfaces and one for test, four and one blocks on each, and sensors on every one."""
    return recipe_of(SMALL["heat"])


def everything(recipe: Recipe) -> list[Task]:
    return [*(MeshTask(i, place.name) for i, place in enumerate(places(recipe))), *jobs.plan(recipe)]


def drained(queue: TaskQueue) -> list[Bundle]:
    found: list[Bundle] = []
    while (bundle := queue.take(found[-1].member if found else None)) is not None:
        found.append(bundle)
    return found


def test_everything_is_handed_out_once_and_meshes_first(recipe: Recipe) -> None:
    tasks = everything(recipe)
    queue = TaskQueue(recipe, tasks)
    bundles = drained(queue)
    given = [task for bundle in bundles for task in bundle.tasks]
    assert sorted(given, key=repr) == sorted(tasks, key=repr) and len(queue) == 0
    assert all(isinstance(task, MeshTask) for task in given[:6]) and len(places(recipe)) == 6


def test_a_process_stays_with_its_surface_and_others_go_elsewhere(recipe: Recipe) -> None:
    queue = TaskQueue(recipe, jobs.plan(recipe))
    first, second = queue.take(), None
    assert first is not None
    second = queue.take(None, [first.member])
    assert second is not None and second.member != first.member
    for _ in range(3):  # both have four blocks
        one, two = queue.take(first.member, [second.member]), queue.take(second.member, [first.member])
        assert one is not None and two is not None
        assert (one.member, two.member) == (first.member, second.member)
    last = queue.take(first.member, [second.member])
    assert last is not None and last.member == 2 and queue.take() is None


def test_a_surface_and_its_sensors_share_one_simulation(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    draws: list[int] = []
    simulate = jobs.simulate
    monkeypatch.setattr(jobs, "simulate", lambda *given, **more: (draws.append(1), simulate(*given, **more))[1])
    blocks = list(computed_here(recipe, jobs.plan(recipe)))
    assert len(draws) == 9 and len(blocks) == 18
