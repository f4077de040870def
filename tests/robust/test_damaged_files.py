"""Five hundred damaged HDF5 files, each in a process with a limit of time: what was written, or one clear line."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from pdgn.data import DatasetWriter, MeshRecord, TrajectoryBlock, check_file, open_file
from pdgn.geodesics import geodesic_distance
from pdgn.mesh import icosphere, knn_graph
from tests.robust.forked import forked, is_one_line
from tests.robust.mutations import damaged_bytes

SECONDS = 20
QUICK, ALL = 24, 560


def write_rich_file(path: Path) -> None:
    """A file with everything that the schema has: geodesics, a moving mesh, sensors with gaps, parameters, units."""
    generator = np.random.default_rng(5)
    mesh = icosphere(2)
    sources = np.array([0, 7])
    geodesic = {"sources": sources, "exact": geodesic_distance(mesh, sources)}
    surface = MeshRecord.from_mesh(mesh, unit="m", geodesic=geodesic, node={"depth": mesh.pos[:, 2]})
    chosen = np.sort(generator.choice(mesh.num_vertices, 30, replace=False))
    network = MeshRecord.from_sensors(mesh.pos[chosen], knn_graph(mesh.pos[chosen], 4), node={"vertex": chosen})
    attributes = {
        name: {"unit": unit, "equation": "u_t = 0", "boundary": "none"} for name, unit in (("u", "K"), ("pos", "m"))
    }
    about = {"config": "name: rich\nseed: 5\n", "name": "rich", "seed": 5, "description": "Damage me."}
    with DatasetWriter(path, **about, field_attributes=attributes, time_unit="s") as writer:  # type: ignore[arg-type]
        writer.write_mesh("surface", surface)
        writer.write_mesh("network", network)
        time = 0.5 * np.arange(6)
        for index, split in enumerate((("train", "train"), ("valid", "test"))):
            values = generator.standard_normal((2, 6, mesh.num_vertices, 1))
            moving = mesh.pos + 0.01 * generator.standard_normal((2, 6, mesh.num_vertices, 3))
            more = {"rate": generator.random(2), "velocity": generator.random((2, mesh.num_vertices, 3))}
            fields = {"u": values.astype(np.float32), "pos": moving}
            writer.write_block(TrajectoryBlock("surface", index, time, fields, {}, more, split))
            seen = generator.random((2, 6, 30)) < 0.8
            read = np.where(seen[..., None], values[:, :, chosen], np.nan)
            writer.write_block(TrajectoryBlock("network", index, time, {"u": read}, {"u": seen}, {}, split))
        writer.finish()


def everything(path: Path) -> dict[str, str]:
    """A digest of every array and of every object's attributes, as the HDF5 library reads them."""
    found = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        content = repr(sorted((key, str(np.asarray(value).tolist())) for key, value in item.attrs.items())).encode()
        if isinstance(item, h5py.Dataset):
            content += str(item.dtype).encode() + str(item.shape).encode() + item[()].tobytes()
        found[name] = hashlib.sha256(content).hexdigest()

    with h5py.File(path) as file:
        visit("/", file)
        file.visititems(visit)
    return found


def read_as_users_do(path: Path) -> dict[str, str]:
    """A digest of what `open_file` gives."""
    found = {}
    with open_file(path) as file:
        found["attributes"] = repr(sorted(file.attributes.items()))
        for mesh in file.mesh_names:
            record = file.record(mesh)
            table = file.trajectories(mesh)
            parts = [record.pos, record.edge_index, *record.node.values(), *record.edge.values()]
            parts += [*record.geodesic.values(), table.time, table.split]
            for row in range(len(table.split)):
                values, mask = file.frames(mesh, row, 0, len(table.time), sorted(table.fields))
                parts += [values, np.ones(1) if mask is None else mask]
                parts += list(file.parameters(mesh, row, sorted(table.parameters)).values())
            text = repr((record.unit, table.axis, sorted(table.fields.items())))
            found[mesh] = hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in parts)).hexdigest() + text
    return found


def verdict(path: Path, stored: dict[str, str], used: dict[str, str]) -> str:
    """What the checker says and what a user reads; silence about a difference is the one thing forbidden."""
    try:
        violations = check_file(path)
        noticed = bool(violations)
        assert all(v.path.startswith("/") and "\n" not in v.message for v in violations), violations
    except (OSError, ValueError) as error:
        noticed = str(path) in is_one_line(error)
    if not noticed:
        assert everything(path) == stored, "the checker saw nothing, but the file differs"
    refusal, read = "", {}
    try:
        read = read_as_users_do(path)
    except (OSError, ValueError) as error:
        refusal = is_one_line(error)
    if refusal:
        assert noticed, f"the reader refuses what the checker took for good: {refusal}"
        return "noticed"
    assert read == used, "the reader gave other values than were written"
    return "noticed by the checker alone" if noticed else "harmless"


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rich") / "rich.h5"
    write_rich_file(path)
    assert check_file(path) == []
    return path


def run_cases(seeds: range, rich: Path, folder: Path) -> Counter:
    content, stored, used = rich.read_bytes(), everything(rich), read_as_users_do(rich)
    outcomes: Counter = Counter()
    wrong = []
    for seed in seeds:
        name, damaged = damaged_bytes(content, np.random.default_rng([seed, 19]))
        path = folder / f"{seed}.h5"
        path.write_bytes(damaged)
        outcome = forked(lambda path=path: verdict(path, stored, used), SECONDS)
        outcomes[outcome.value if outcome.kind == "ok" else outcome.kind] += 1
        if outcome.kind != "ok":
            wrong.append(f"seed {seed} ({name}): {outcome.kind} {outcome.value}")
        path.unlink()
    assert not wrong, f"{len(wrong)} of {len(seeds)}:\n" + "\n".join(wrong[:20])
    return outcomes


def test_a_few_damaged_files_are_noticed_or_harmless(rich: Path, tmp_path: Path) -> None:
    outcomes = run_cases(range(QUICK), rich, tmp_path)
    assert outcomes["noticed"] > 0.5 * QUICK


@pytest.mark.slow
def test_five_hundred_damaged_files_are_noticed_or_harmless(rich: Path, tmp_path: Path) -> None:
    run_cases(range(QUICK, ALL), rich, tmp_path)
