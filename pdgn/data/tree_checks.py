"""The tree of groups and arrays: legal names, no link that leads elsewhere, no group edited, no chunk left out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import h5py

from pdgn.data.access import DamagedFileError, read_attributes, reading
from pdgn.data.schema import require_name
from pdgn.data.structure import Violation


def tree_violations(file: h5py.File) -> Iterator[Violation]:
    """What is wrong with names, links, attributes of groups and the storage of arrays, anywhere in the file."""
    try:  # visits metadata that plain reading never touches
        with reading(file.filename, "/"):
            file.visititems(lambda *_: None)
    except DamagedFileError as error:
        yield Violation("/", str(error).removeprefix(f"{file.filename}: "))
        return
    stack: list[h5py.Group] = [file]
    seen: set[int] = set()  # a group may be linked into itself
    while stack:
        group = stack.pop()
        seen.add(h5py.h5o.get_info(group.id).addr)
        try:
            read_attributes(group)
            yield from _names(group)
            with reading(file.filename, group.name):
                inside = [group[name] for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
                arrays = [child for child in inside if isinstance(child, h5py.Dataset)]
                missing = {dataset.name: _missing_chunks(dataset) for dataset in arrays}
        except DamagedFileError as error:
            yield Violation(group.name, str(error).removeprefix(f"{file.filename}: "))
            continue
        for name, text in missing.items():
            if text:
                yield Violation(name, f"wanted every chunk of the array written, got {text}")
        stack += [
            child for child in inside if isinstance(child, h5py.Group) and h5py.h5o.get_info(child.id).addr not in seen
        ]


def _names(group: h5py.Group) -> Iterator[Violation]:
    with reading(group.file.filename, group.name):
        links = {name: group.get(name, getlink=True) for name in group}
    for name, link in links.items():
        path = f"{group.name.rstrip('/')}/{name}"
        try:
            require_name(name, "name")
        except ValueError as error:
            yield Violation(path, str(error).removeprefix("name: "))
        if not isinstance(link, h5py.HardLink):
            yield Violation(path, f"wanted an array or group of this file, got a {type(link).__name__}")


def _missing_chunks(dataset: h5py.Dataset) -> str:
    """How many chunks were never written, so that they read as zeros without a checksum; empty where none."""
    if not dataset.chunks:
        return ""
    total = math.prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks))
    written = dataset.id.get_num_chunks()
    return "" if written == total else f"{total - written} of {total} chunks left out"
