"""Options of the commands: typed, strict, from a config file and the command line, errors on one line."""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Literal, NoReturn

from jsonargparse import ArgumentParser, Namespace

from pdgn.cli.config_file import ConfigFile, find_config
from pdgn.cli.nearest import nearest

_NAMES = {int: "an integer", float: "a number", str: "text", bool: "true or false", type(None): "null"}


class StrictParser(ArgumentParser):
    """A parser whose every mistake is one line: the key, what was wanted, what was given, the nearest valid key.

    Values come from the defaults, over them from the file that `--config` names, over it from `--key value`.

    Args:
        prog: the command as the user types it.
        description: what it does.
        folder: folder of the repository where configs lie.
        package: the same folder when installed.
        prepare: adds the options that depend on other options (those of a model on its name), before parsing; it is
            given the parser and a function that tells what the user chose for a key.
    """

    def __init__(
        self,
        prog: str,
        description: str = "",
        *,
        folder: str = "configs",
        package: str = "pdgn.configs",
        prepare: Callable[[StrictParser, Callable[[str], Any]], None] | None = None,
    ) -> None:
        super().__init__(prog=prog, description=description, exit_on_error=True)
        self._folder, self._package, self._prepare = folder, package, prepare
        self._file: ConfigFile | None = None
        self._words: list[str] = []
        self.add_argument("--config", action="config", help="YAML file, or the name of one that comes with pdgn.")

    def parse_args(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Namespace:  # type: ignore[override]
        """Parses a command line.

        Args:
            args: its words; sys.argv without it.
            rest: as jsonargparse.
            options: as jsonargparse.

        Returns:
            Every key's value, nested.

        Raises:
            ValueError: anything wrong with a key or a value.
            OSError: a config that cannot be read.
        """
        config, words = _take(list(sys.argv[1:] if args is None else args), "--config")
        self._words = words
        self._file = ConfigFile(find_config(config, self._folder, self._package)) if config is not None else None
        if self._prepare is not None:
            self._prepare(self, self._chosen)
            self._prepare = None
        if self._file is not None:
            self._check_keys(self._file.values, "")
            words = [f"--config={self._file.path}", *words]
        return super().parse_args(words, *rest, **options)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:  # type: ignore[override]
        """Raises a ValueError of one line instead of printing the usage.

        Args:
            message: what jsonargparse says.
            ex: not used.

        Raises:
            ValueError: always.
        """
        raise ValueError(self._explain(message)) from None

    def _chosen(self, key: str) -> Any:
        """What the user chose for a key, on the command line or else in the file."""
        given = _take(self._words, f"--{key}")[0]
        return given if given is not None or self._file is None else self._file.get(key)

    def _types(self) -> dict[str, Any]:
        """Type of every key that may be set."""
        skipped = {"help", "config", "print_config"}
        actions = {action.dest: action for action in self._actions if action.dest not in skipped}
        return {
            key: getattr(action, "_typehint", None) or action.type
            for key, action in actions.items()
            if action.option_strings and not any(other.startswith(f"{key}.") for other in actions)
        }

    def _check_keys(self, values: dict[str, Any], prefix: str) -> None:
        assert self._file is not None
        known = self._types()
        for key, value in values.items():
            dotted = f"{prefix}{key}"
            if dotted in known:
                continue
            inner = [name for name in known if name.startswith(f"{dotted}.")]
            if not inner:
                raise ValueError(f"{dotted} ({self._file.place(dotted)}): {_unknown(dotted, known)}")
            if not isinstance(value, dict):
                wanted = ", ".join(name.removeprefix(f"{dotted}.") for name in inner)
                raise ValueError(f"{dotted} ({self._file.place(dotted)}): wanted keys ({wanted}), given {value!r}")
            self._check_keys(value, f"{dotted}.")

    def _explain(self, message: str) -> str:
        unrecognized = re.match(r"(?s)unrecognized arguments: (\S+)", message)
        if unrecognized:
            word = unrecognized[1].split("=")[0]
            if not word.startswith("--"):
                return f"{self.prog}: wanted options (--key value), given '{word}'"
            return f"{word}: {_unknown(word.removeprefix('--'), self._types())}"
        key = next((key for key in re.findall(r"[\w.]+", message) if key in self._types()), None)
        if key is None:
            return " ".join(message.split())
        if "required" in message:
            return f"{key}: wanted {readable(self._types()[key])}, given nothing; set it in --config or with --{key}"
        if "expected one argument" in message:
            return f"--{key}: wanted {readable(self._types()[key])}, given nothing"
        given = _take(self._words, f"--{key}")[0]
        if given is None and self._file is not None:
            value = self._file.get(key)
            return f"{key} ({self._file.place(key)}): wanted {readable(self._types()[key])}, given {value!r}"
        return f"--{key}: wanted {readable(self._types()[key])}, given {given!r}"


def readable(hint: Any) -> str:
    """A type in words.

    Args:
        hint: a type or annotation.

    Returns:
        For example "an integer or null", "one of constant, cosine".
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(readable(argument) for argument in arguments)
    if origin in (list, tuple, Sequence) and arguments:
        return f"a list of {readable(arguments[0]).removeprefix('an ').removeprefix('a ')} values"
    if origin is dict or hint is dict:
        return "keys and values"
    return _NAMES.get(hint) or getattr(hint, "__name__", str(hint))


def _unknown(key: str, known: dict[str, Any]) -> str:
    group = key.rpartition(".")[0]
    siblings = [name for name in known if name.rpartition(".")[0] == group]
    shown = ", ".join(name.rpartition(".")[2] for name in siblings or known)
    return f"unknown key, wanted one of {shown}{nearest(key, siblings) or nearest(key, known)}"


def _take(words: list[str], option: str) -> tuple[str | None, list[str]]:
    """The last value of an option and the words without it."""
    value, rest = None, []
    iterator = iter(words)
    for word in iterator:
        if word == option:
            value = next(iterator, None)
            if value is None:
                raise ValueError(f"{option}: wanted a value, given nothing")
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
        else:
            rest.append(word)
    return value, rest
