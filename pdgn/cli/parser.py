"""Options of the commands: typed, strict, from a config file and the command line, errors on one line."""

from __future__ import annotations

import re
import sys
import types
import typing
from argparse import SUPPRESS
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn

from jsonargparse import ArgumentParser, Namespace

from pdgn.cli.config_file import ConfigFile, find_config
from pdgn.cli.entries import take_entries, with_entry
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
        expand: for keys that hold keys, what another value stands for: key → (value → keys and values).

    One entry of such a key can be set too: --key.entry VALUE, over what the file or --key says.
    """

    def __init__(
        self,
        prog: str,
        description: str = "",
        *,
        folder: str = "configs",
        package: str = "pdgn.configs",
        prepare: Callable[[StrictParser, Callable[[str], Any]], None] | None = None,
        expand: Mapping[str, Callable[[Any], dict[str, Any]]] | None = None,
    ) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self._folder, self._package, self._prepare = folder, package, prepare
        self._expand = dict(expand or {})
        self._file: ConfigFile | None = None
        self._words: list[str] = []
        self.hints: dict[str, str] = {}  # what to add where an unknown key is refused
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
        entries, words = take_entries(words, [key for key, hint in self._types().items() if _holds_keys(hint)])
        self._words = words
        self._check_words()
        if self._file is not None:
            self._check_keys(self._file.values, "")
            words = [f"--config={self._file.path}", *words]
        parsed = super().parse_args(words, *rest, **options)
        self._check_nulls(parsed)
        for key, expanded in self._expand.items():
            value = parsed.get(key)
            parsed[key] = value if value is None or isinstance(value, dict) else expanded(value)
        for key, path, value in entries:
            parsed[key] = with_entry(parsed.get(key), path, value)
        return parsed

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

    def _check_words(self) -> None:
        """Refuses unknown options and those of whole groups (--data FILE), which jsonargparse would add."""
        known = self._types()
        for action in self._actions:
            if action.dest not in known and any(key.startswith(f"{action.dest}.") for key in known):
                action.help = SUPPRESS
        flags = {"-h", "--help", "--print_config", *(f"--{key}" for key in known)}
        for word in self._words:
            option = word.split("=")[0].removesuffix("+")
            key = option.removeprefix("--")
            if key != option and any(name.startswith(f"{key}.") for name in known):
                raise ValueError(f"{option}: wanted one key at a time, given a group; for example {_first(key, known)}")
            if key != option and option not in flags:
                raise ValueError(f"{option}: {_unknown(key, known)}{self.hints.get(key, '')}")

    def _check_nulls(self, parsed: Namespace) -> None:
        """Refuses null where it is not one of a key's values (jsonargparse lets it pass)."""
        for key, hint in self._types().items():
            if parsed.get(key) is None and hint is not None and type(None) not in (hint, *typing.get_args(hint)):
                raise ValueError(self._wrong(key))

    def _types(self) -> dict[str, Any]:
        """Type of every key that may be set."""
        skipped = {"help", "config", "print_config", "print_shtab"}
        actions = {
            action.dest: action
            for action in self._actions
            if action.dest not in skipped and not action.dest.endswith(".help")  # --key.help, of class-typed keys
        }
        groups = {key[:place] for key in actions for place, letter in enumerate(key) if letter == "."}
        return {
            key: getattr(action, "_typehint", None) or action.type
            for key, action in actions.items()
            if action.option_strings and key not in groups
        }

    def _check_keys(self, values: dict[str, Any], prefix: str) -> None:
        assert self._file is not None
        known = {key: hint for key, hint in self._types().items() if hint is not None}
        for key, value in values.items():
            dotted = f"{prefix}{key}"
            if dotted in known:
                if _mistyped_text(value, known[dotted]):
                    raise ValueError(self._wrong_in_file(dotted))
                continue
            inner = [name for name in known if name.startswith(f"{dotted}.")]
            if not inner:
                hint = self.hints.get(dotted, "")
                raise ValueError(f"{dotted} ({self._file.place(dotted)}): {_unknown(dotted, known)}{hint}")
            if not isinstance(value, dict):
                wanted = ", ".join(name.removeprefix(f"{dotted}.") for name in inner)
                raise ValueError(f"{dotted} ({self._file.place(dotted)}): wanted keys ({wanted}), given {value!r}")
            self._check_keys(value, f"{dotted}.")

    def _explain(self, message: str) -> str:
        unrecognized = re.match(r"(?s)unrecognized arguments: (.*)", message)
        if unrecognized:
            return f"{self.prog}: wanted options (--key value), given '{' '.join(unrecognized[1].split())}'"
        quoted = re.findall(r"(?:[\"']|--|required: )([\w.]+)", message)
        key = next((key for key in quoted if key in self._types()), None)
        return " ".join(message.split()) if key is None else self._wrong(key)

    def _wrong(self, key: str) -> str:
        """The line about a value that a key cannot take."""
        wanted = f"wanted {readable(self._types()[key])}, given"
        given = [word for word in self._words if word.split("=")[0].removesuffix("+") == f"--{key}"]
        if given:
            value = _take(self._words, given[-1].split("=")[0])[0]
            return f"--{key}: {wanted} {'nothing' if value is None else repr(value)}"
        if self._file is not None and key in self._file.lines:
            return self._wrong_in_file(key)
        return f"{key}: {wanted} nothing; set it in --config or with --{key}"

    def _wrong_in_file(self, key: str) -> str:
        assert self._file is not None
        value = self._file.get(key)
        quoting = (
            "" if not isinstance(value, bool) else " (YAML reads on, off, yes, no, true, false so: put it in quotes)"
        )
        place = self._file.place(key)
        return f"{key} ({place}): wanted {readable(self._types()[key])}, given {value!r}{quoting}"


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
    return _NAMES[hint] if hint in _NAMES else str(getattr(hint, "__name__", hint))


def _holds_keys(hint: Any) -> bool:
    """Whether dictionaries are among the values of a type."""
    kinds = [hint, *typing.get_args(hint)] if typing.get_origin(hint) in (typing.Union, types.UnionType) else [hint]
    return any(kind is dict or typing.get_origin(kind) is dict for kind in kinds)


def _unknown(key: str, known: dict[str, Any]) -> str:
    """What is wanted in the place of an unknown key: what its group holds."""
    prefix = f"{key.rpartition('.')[0]}." if "." in key else ""
    if not any(name.startswith(prefix) for name in known):
        prefix = ""
    siblings = {name.removeprefix(prefix).split(".")[0]: None for name in known if name.startswith(prefix)}
    hint = nearest(key, [f"{prefix}{name}" for name in siblings]) or nearest(key, known)
    return f"unknown key, wanted one of {', '.join(siblings)}{hint}"


def _first(group: str, known: dict[str, Any]) -> str:
    return next(f"--{name} VALUE" for name in known if name.startswith(f"{group}."))


def _mistyped_text(value: Any, hint: Any) -> bool:
    """Whether a file gives text where a number or a truth value is wanted: "3", "yes" (jsonargparse converts them); or
    a truth value where text is wanted: `name: on`."""
    kinds = set(typing.get_args(hint)) or {hint}
    if isinstance(value, bool):
        return str in kinds and bool not in kinds
    if not isinstance(value, str) or kinds - {int, float, bool, type(None)}:
        return False
    # YAML 1.1 reads 1e-3 as text.
    return float not in kinds or re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value) is None


def _take(words: list[str], option: str) -> tuple[str | None, list[str]]:
    """The last value of an option and the words without it."""
    value, rest = None, []
    iterator = iter(words)
    for word in iterator:
        if word == option:
            value = next(iterator, None)
            if value is None and option == "--config":
                raise ValueError("--config: wanted a file, given nothing")
        elif word.startswith(f"{option}="):
            value = word.partition("=")[2]
        else:
            rest.append(word)
    return value, rest
