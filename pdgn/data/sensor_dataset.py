"""From a table of hourly readings to a sensor network and its trajectories, days split in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pdgn.data.records import MeshRecord
from pdgn.data.schema import NUM_FRAMES, SPLITS, TIME_OFFSET
from pdgn.data.sensor_table import SensorTable
from pdgn.data.shards import TimeAxis
from pdgn.data.trajectory_block import TrajectoryBlock
from pdgn.mesh import knn_graph

_EARTH_RADIUS = 6371.0088  # km, the mean radius


class SensorReport(NamedTuple):
    """What was done to the readings: stations dropped (with their coverage), and counts of node hours of any field."""

    dropped: dict[str, float]
    read: int
    interpolated: int
    masked: int

    def describe(self) -> str:
        """One line for people."""
        dropped = ", ".join(f"{name} ({coverage:.0%})" for name, coverage in self.dropped.items())
        return (
            f"{self.read} readings, {self.interpolated} short gaps' entries interpolated, {self.masked} entries "
            f"masked; "
            f"stations dropped for low coverage: {dropped or 'none'}"
        )


class SensorTrajectories(NamedTuple):
    """All that :class:`DatasetWriter` needs: the network, one block with one trajectory per split, the time axis; and
    the report."""

    record: MeshRecord
    block: TrajectoryBlock
    axis: TimeAxis
    report: SensorReport


def project(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Kilometres east and north of the mean place, equirectangular.

    x = R cos φ₀ (λ − λ₀), y = R (φ − φ₀), with φ₀ the mean latitude, λ₀ the circular mean of the longitudes and R =
    6371.0088 km.

    Args:
        latitude, longitude: [V] degrees.

    Returns:
        [V, 3] float64, km; z = 0.
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    centre = np.angle(np.exp(1j * lam).mean())
    east = (lam - centre + np.pi) % (2 * np.pi) - np.pi
    x, y = np.cos(phi.mean()) * east, phi - phi.mean()
    return _EARTH_RADIUS * np.stack([x, y, np.zeros_like(x)], axis=1)


def interpolate_gaps(values: np.ndarray, max_gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Fill gaps of at most ``max_gap`` entries linearly in time; longer ones, and those at an end, stay NaN.

    Args:
        values: [T, ...] float, NaN where there is no reading.
        max_gap: number of entries, at least 0.

    Returns:
        (filled values, a new array; bool of the same shape, true where interpolated).
    """
    series = np.array(values, dtype=np.float64).reshape(len(values), -1)
    filled = np.zeros(series.shape, dtype=bool)
    for column, mark in zip(series.T, filled.T):
        known = np.flatnonzero(np.isfinite(column))
        for left, right in zip(known[:-1], known[1:]):
            if 0 < right - left - 1 <= max_gap:
                column[left + 1 : right] = np.interp(np.arange(left + 1, right), [left, right], column[[left, right]])
                mark[left + 1 : right] = True
    return series.reshape(values.shape), filled.reshape(values.shape)


def sensor_trajectories(
    table: SensorTable,
    *,
    days: Mapping[str, int],
    mesh: str = "stations",
    neighbours: int = 4,
    max_gap_hours: int = 3,
    min_coverage: float = 0.9,
) -> SensorTrajectories:
    """Turn readings into a sensor network and one trajectory for each split, consecutive in time.

    The first days["train"] days are trajectory 0, the next days["valid"] trajectory 1, the next days["test"]
    trajectory 2, so that no window straddles two splits. They share one array as long as the longest of them:
    ``num_frames`` says where each ends and ``time_offset`` when it begins. Gaps are interpolated inside each of them,
    never across a split.

    Args:
        table: V₀ stations, T hours.
        days: "train", "valid", "test" → number of days; a split of 0 days is left out.
        mesh: name of the network.
        neighbours: k of the symmetrised nearest-neighbour graph.
        max_gap_hours: longest gap that is interpolated; longer gaps are masked.
        min_coverage: stations that report a smaller fraction of the hours used are dropped; the report lists them.

    Returns:
        Record (pos in km; node arrays altitude [m], latitude, longitude [degrees], and station where the names are
        numbers), block (fields [n, T, V, 1] float32 with masks), axis (hours since the first midnight, UTC), report.

    Raises:
        ValueError: more days than the table has, an unknown split, a coverage outside [0, 1], or too few stations left.
    """
    segments = _segments(days, len(table.values))
    if not 0 <= min_coverage <= 1 or max_gap_hours < 0:
        raise ValueError(f"wanted min_coverage in [0, 1] and max_gap_hours ≥ 0, got {min_coverage} and {max_gap_hours}")
    used = SensorTable(**{**table.__dict__, "values": table.values[: segments[-1][2]]})
    coverage = used.coverage()
    keep = coverage >= min_coverage
    dropped = {name: float(value) for name, value, kept in zip(table.names, coverage, keep) if not kept}
    if keep.sum() <= neighbours:
        raise ValueError(
            f"wanted more than {neighbours} stations with coverage of {min_coverage:.0%}, got {int(keep.sum())}"
        )
    kept = used.select(keep)
    block, interpolated = _block(kept, segments, mesh, max_gap_hours)
    read = int(np.isfinite(kept.values).sum())
    report = SensorReport(dropped, read, interpolated, kept.values.size - read - interpolated)
    return SensorTrajectories(_record(kept, neighbours), block, TimeAxis("h", table.origin), report)


def _segments(days: Mapping[str, int], hours: int) -> list[tuple[str, int, int]]:
    """(split, first hour, last hour + 1) of every split that has days."""
    unknown = sorted(set(days) - set(SPLITS))
    if unknown:
        raise ValueError(f"days: wanted numbers of days for {', '.join(SPLITS)}, got {unknown[0]!r}")
    segments, start = [], 0
    for split in SPLITS:
        length = 24 * int(days.get(split, 0))
        if length < 0:
            raise ValueError(f"days: {split}: wanted a number of days of at least 0, got {days[split]}")
        if length:
            segments.append((split, start, start + length))
        start += length
    if not segments or start > hours:
        raise ValueError(
            f"days: wanted between 1 and {hours // 24} days in all, as the readings have, got {start // 24}"
        )
    return segments


def _record(table: SensorTable, neighbours: int) -> MeshRecord:
    pos = project(table.latitude, table.longitude)
    node = {"altitude": table.altitude, "latitude": table.latitude, "longitude": table.longitude}
    if all(name.isdecimal() and len(name) < 19 for name in table.names):
        node["station"] = np.array([int(name) for name in table.names])
    return MeshRecord.from_sensors(pos, knn_graph(pos, neighbours), unit="km", node=node)


def _block(
    table: SensorTable, segments: list[tuple[str, int, int]], mesh: str, max_gap: int
) -> tuple[TrajectoryBlock, int]:
    length = max(stop - start for _, start, stop in segments)
    values = np.full((len(segments), length, *table.values.shape[1:]), np.nan, dtype=np.float32)
    interpolated = 0
    for row, (_, start, stop) in enumerate(segments):
        filled, mark = interpolate_gaps(table.values[start:stop], max_gap)
        values[row, : stop - start] = filled
        interpolated += int(mark.sum())
    fields = {name: values[..., column : column + 1] for column, name in enumerate(table.fields)}
    parameters = {
        NUM_FRAMES: np.array([stop - start for _, start, stop in segments]),
        TIME_OFFSET: np.array([start for _, start, _ in segments], dtype=np.float64),
    }
    mask = {name: np.isfinite(field[..., 0]) for name, field in fields.items()}
    split = tuple(split for split, _, _ in segments)
    return TrajectoryBlock(mesh, 0, np.arange(length, dtype=np.float64), fields, mask, parameters, split), interpolated
