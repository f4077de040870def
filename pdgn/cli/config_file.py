"""A YAML file of settings: found by path or by name, read with the line of every key."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pdgn.cli.nearest import nearest


class ConfigFile:
    """The settings in a YAML file.

    Args:
        path: the file.

    Attributes:
        values: the nested settings.
        lines: line of every key by its dotted name, from 1.

    Raises:
        ValueError: not YAML, a key that stands twice, or no mapping; the message names file and line.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, int] = {}
        try:
            text = path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            values = yaml.safe_load(text)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: wanted a YAML file, given bytes that are no text (byte {error.start})") from None
        except yaml.YAMLError as error:
            raise ValueError(f"{path}{_where(error)}: wanted YAML, but {_problem(error)}") from None
        if not isinstance(values, dict):
            given = "nothing" if values is None else repr(values)[:60]
            raise ValueError(f"{path}: wanted keys and values, given {given}")
        self.values: dict[str, Any] = values
        self._walk(root, "")

    def place(self, key: str) -> str:
        """Where a key stands, for messages.

        Args:
            key: dotted name.

        Returns:
            "FILE, line N".
        """
        return f"{self.path}, line {self.lines[key]}" if key in self.lines else str(self.path)

    def get(self, key: str) -> Any:
        """The value of a key.

        Args:
            key: dotted name.

        Returns:
            The value; None where the file does not have it.
        """
        value: Any = self.values
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _walk(self, node: Any, prefix: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            dotted = f"{prefix}{key.value}"
            line = key.start_mark.line + 1
            if dotted in self.lines:
                raise ValueError(f"{dotted} ({self.place(dotted)}): wanted once, given again in line {line}")
            self.lines[dotted] = line
            self._walk(value, f"{dotted}.")


def find_config(name: str, folder: str, package: str) -> Path:
    """Finds a config by its path or by the bare name of one that comes with the package.

    Args:
        name: a path, or a name such as "demo".
        folder: folder of the repository that holds such files, "configs" or "datasets".
        package: the same folder in an installation, "pdgn.configs" or "pdgn.recipes".

    Returns:
        The path of a file.

    Raises:
        FileNotFoundError: there is none; the message names the nearest one that there is.
    """
    if Path(name).is_file():
        return Path(name)
    known: dict[str, Path] = {}
    for directory in _folders(folder, package):
        known |= {path.stem: path for path in sorted(directory.glob("*.yaml"))}
    # A repository's path is understood outside of it too: configs/demo.yaml means the installed demo.
    stem = name.removeprefix(f"{folder}/").removesuffix(".yaml")
    if stem in known:
        return known[stem]
    wanted = f"a file or one of {', '.join(sorted(known))}" if known else "a file"
    raise FileNotFoundError(f"--config: wanted {wanted}, given '{name}': no such file{nearest(stem, known)}")


def _folders(folder: str, package: str) -> Iterator[Path]:
    """Where configs lie, the one that counts last."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:  # a source tree, or an editable install
        yield Path(__file__).resolve().parents[2] / folder
    else:
        yield from map(Path, spec.submodule_search_locations)
    yield Path(folder)


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    context, problem = getattr(error, "context", None), getattr(error, "problem", None)
    return " ".join(" ".join(filter(None, [context, problem])).split()) or " ".join(str(error).split())
