"""Checks of the numbers and arrays that users pass: finite, of the shape wanted, in range; one-line errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def finite_array(name: str, value: ArrayLike, shapes: Sequence[tuple[int | None, ...]]) -> NDArray[np.float64]:
    """A finite float64 array of one of the shapes wanted.

    Args:
        name: what the array is, for the message.
        value: the array or number given.
        shapes: the shapes allowed; None stands for any length, () for a number.

    Returns:
        The array as float64, a copy where the dtype differs.

    Raises:
        TypeError: not numbers.
        ValueError: another shape, NaN or infinity.
    """
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind == "c" else array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: wanted numbers, got {type(value).__name__}") from error
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: wanted real numbers, got {array.dtype}")  # a cast would drop half of them
    if not any(_fits(array.shape, shape) for shape in shapes):
        wanted = " or ".join(_shape_text(shape) for shape in shapes)
        raise ValueError(f"{name}: wanted {wanted}, got shape {list(array.shape)}")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise ValueError(f"{name}: wanted finite values, got {bad} NaN or infinite of {array.size}")
    return array


def nonnegative_array(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """A finite number or one-dimensional array, not empty, without negative values, or a ValueError that names it."""
    array = finite_array(name, value, [(), (None,)])
    if not array.size:
        raise ValueError(f"{name}: wanted at least one value, got none")
    if array.min() < 0:
        raise ValueError(f"{name}: wanted values of at least 0, got a minimum of {array.min():g}")
    return array


def positive_number(name: str, value: float) -> float:
    """A finite number above zero, or a ValueError that names it."""
    number = float(finite_array(name, value, [()]))
    if number <= 0:
        raise ValueError(f"{name}: wanted a number above 0, got {number:g}")
    return number


def nonnegative_number(name: str, value: float) -> float:
    """A finite number of at least zero, or a ValueError that names it."""
    number = float(finite_array(name, value, [()]))
    if number < 0:
        raise ValueError(f"{name}: wanted a number of at least 0, got {number:g}")
    return number


def random_generator(generator: np.random.Generator) -> np.random.Generator:
    """The source of random numbers, or a TypeError that says how to make one."""
    if not isinstance(generator, np.random.Generator):
        raise TypeError(
            f"generator: wanted a numpy.random.Generator, got {type(generator).__name__}; "
            "make one with numpy.random.default_rng(seed)"
        )
    return generator


def positive_integer(name: str, value: int) -> int:
    """An integer of at least one, or an error that names it (TypeError for another type, ValueError for its range)."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: wanted an integer of at least 1, got {value!r}")
    if value < 1:
        raise ValueError(f"{name}: wanted an integer of at least 1, got {value}")
    return int(value)


def one_of(name: str, value: str, options: Sequence[str]) -> str:
    """One of the options, or a ValueError that lists them."""
    if value not in options:
        raise ValueError(f"{name}: wanted one of {', '.join(options)}, got {value!r}")
    return value


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(w is None or s == w for s, w in zip(shape, wanted))


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "a number" if not shape else "shape [" + ", ".join("any" if s is None else str(s) for s in shape) + "]"
