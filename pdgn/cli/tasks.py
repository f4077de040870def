"""What a process is asked for, one piece at a time: the record of a surface, or one block of trajectories."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from pdgn.cli.jobs import Job, compute, mesh_record
from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import remarks
from pdgn.data import MeshRecord, TrajectoryBlock

# What a recipe, a mesh or the machine can cause; anything else is a defect of this program.
EXPECTED: tuple[type[Exception], ...] = (MemoryError, OverflowError, OSError, TypeError, ValueError)


class MeshTask(NamedTuple):
    """The record of mesh number `surface`, geodesic distances included."""

    surface: int
    mesh: str


class Surface(NamedTuple):
    """What a `MeshTask` gives: the record, and what a user should know about the mesh."""

    mesh: str
    record: MeshRecord
    remarks: list[str]


Task = MeshTask | Job
Result = Surface | TrajectoryBlock


class LostWorkerError(OSError):
    """A process that computed went away without an answer."""


def label(task: Task) -> str:
    """A task in words, for messages.

    Args:
        task: the task.

    Returns:
        "mesh 'a'" or "mesh 'a', block 3".
    """
    return f"mesh '{task.mesh}'" + (f", block {task.block}" if isinstance(task, Job) else "")


def perform(recipe: Recipe, task: Task) -> Result:
    """Computes what a task asks for; the answer depends on nothing but the recipe and the task.

    Args:
        recipe: the recipe.
        task: the task.

    Returns:
        A surface or a block.

    Raises:
        ValueError, TypeError, OSError, OverflowError, MemoryError: as what is computed, on one line that names mesh
            and block.
        RuntimeError: a defect of this program; the message is the whole traceback.
    """
    try:
        if isinstance(task, Job):
            return compute(recipe, task)
        return Surface(task.mesh, mesh_record(recipe, task.surface), remarks(recipe, task.surface))
    except EXPECTED as error:
        kind = next(kind for kind in EXPECTED if isinstance(error, kind))
        raise kind(_explained(task, error)) from error
    except Exception as error:
        raise RuntimeError(f"{label(task)}: {traceback.format_exc()}") from error


def attempt(recipe: Recipe, task: Task) -> Result | Exception:
    """As `perform`, with the error returned instead of raised, to be sent to another process.

    Args:
        recipe: the recipe.
        task: the task.

    Returns:
        A surface, a block, or the error without its traceback.
    """
    try:
        return perform(recipe, task)
    except Exception as error:
        return error.with_traceback(None)


def _explained(task: Task, error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    # What is wrong with a surface says already which one.
    return text if text.startswith("mesh '") else f"{label(task)}: {text}"
