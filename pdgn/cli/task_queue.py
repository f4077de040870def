"""The order in which tasks are handed to processes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pdgn.cli.jobs import Job
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import places
from pdgn.cli.tasks import Task


class Bundle(NamedTuple):
    """Tasks for one process: a mesh, or the blocks that are views of one simulation (a surface, sensors on it).

    Args:
        member: the surface, which the process then has in memory.
        tasks: what to compute, in this order.
    """

    member: int
    tasks: tuple[Task, ...]


class TaskQueue:
    """Bundles of tasks: meshes first, so that a mistake in one is met early, then blocks.

    Blocks go, where possible, to a process that has worked on their surface before.

    Args:
        recipe: the recipe.
        tasks: what is to be done.
    """

    def __init__(self, recipe: Recipe, tasks: Iterable[Task]) -> None:
        self._meshes: deque[Bundle] = deque()
        self._blocks: dict[int, deque[Bundle]] = {}
        of, views = places(recipe), dict[tuple[object, ...], list[Task]]()
        for task in tasks:
            member = of[task.surface].member
            if isinstance(task, Job):
                views.setdefault((member, of[task.surface].variant, task.draw), []).append(task)
            else:
                self._meshes.append(Bundle(member, (task,)))
        for some in views.values():
            member = of[some[0].surface].member
            self._blocks.setdefault(member, deque()).append(Bundle(member, tuple(some)))

    def __len__(self) -> int:
        return len(self._meshes) + sum(map(len, self._blocks.values()))

    def take(self, member: int | None = None, elsewhere: Sequence[int] = ()) -> Bundle | None:
        """The next tasks for a process.

        Args:
            member: the surface that the process has worked on last.
            elsewhere: those that other processes work on.

        Returns:
            A bundle that is no longer in the queue; none where it is empty.
        """
        if self._meshes:
            return self._meshes.popleft()
        if not self._blocks:
            return None
        if member not in self._blocks:
            shared = Counter(elsewhere)
            member = max(self._blocks, key=lambda one: (-shared[one], len(self._blocks[one]), -one))
        bundle = self._blocks[member].popleft()
        if not self._blocks[member]:
            del self._blocks[member]
        return bundle
