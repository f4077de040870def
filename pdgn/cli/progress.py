"""How far a long command is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO, TypeVar

from tqdm import tqdm

_BAR = "{{l_bar}}{{bar}}| {{n_fmt}}/{{total_fmt}} {unit}, {{rate_noinv_fmt}}, {{remaining}} left"
Item = TypeVar("Item")
_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts what is finished and shows count, rate and time left; a context manager.

    Args:
        name: what is made.
        total: how many there will be.
        done: how many there are already, from a run before; they do not count for the rate.
        stream: where it is shown. A terminal gets a bar; a file or a pipe gets a line every half minute.
        unit: what is counted.
    """

    def __init__(self, name: str, *, total: int, done: int, stream: TextIO, unit: str = "trajectories") -> None:
        self._name, self._total, self._first, self._count, self._unit = name, total, done, done, unit
        self._stream = stream
        self._start = self._last = time.monotonic()
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=name,
            unit="",
            bar_format=_BAR.format(unit=unit),
            file=stream,
            disable=not stream.isatty(),
            dynamic_ncols=True,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def add(self, count: int) -> None:
        """Counts some more.

        Args:
            count: how many were finished.
        """
        self._count += count
        self._bar.update(count)
        now = time.monotonic()
        if self._bar.disable and now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            self.say(self.line(now - self._start))

    def over(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items themselves, each counted when it is there.

        Args:
            items: what is finished one by one.
        """
        for item in items:
            self.add(1)
            yield item

    def line(self, seconds: float) -> str:
        """The state in words.

        Args:
            seconds: since the start, in which some were finished.

        Returns:
            For example "plane: 400 of 1000 trajectories, 12.3/s, 00:48 left".
        """
        rate = (self._count - self._first) / seconds
        left = tqdm.format_interval((self._total - self._count) / rate)
        return f"{self._name}: {self._count} of {self._total} {self._unit}, {rate:.3g}/s, {left} left"

    def say(self, line: str) -> None:
        """Prints a line without tearing the bar.

        Args:
            line: what to print.
        """
        tqdm.write(line, file=self._stream)
        self._stream.flush()
