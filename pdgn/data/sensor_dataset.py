"""From a table of readings to a sensor network and its trajectories, days split in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
    """What was done to the readings.

    Attributes:
        dropped: stations left out for low coverage, with their coverage.
        read, interpolated, masked: entries (station, time, field) of the stations that are left.
        min_coverage: below which stations were dropped.
    """

    dropped: dict[str, float]
    read: int
    interpolated: int
    masked: int
    min_coverage: float = 0.0

    def describe(self) -> str:
        """One line for people."""
        return (
            f"{self.read} readings, {self.interpolated} short gaps' entries interpolated, {self.masked} entries "
            f"masked; stations dropped for coverage below {100 * self.min_coverage:.9g}%: "
            f"{coverage_text(self.dropped, self.min_coverage) or 'none'}"
        )


class SensorTrajectories(NamedTuple):
    """All that :class:`DatasetWriter` needs: the network, one block with one trajectory per split, the time axis; and
    the report."""

    record: MeshRecord
    block: TrajectoryBlock
    axis: TimeAxis
    report: SensorReport


def coverage_text(coverage: Mapping[str, float], threshold: float) -> str:
    """Stations and their coverage in percent, with the digits that tell it from a threshold that it does not reach.

    Args:
        coverage: station → fraction. threshold: a fraction.

    Returns:
        For example "S06 (79.9%), S07 (50%)".
    """

    def digits(value: float) -> int:
        enough = (n for n in range(9) if value >= threshold or round(100 * value, n) < round(100 * threshold, 9))
        return next(enough, 9)

    return ", ".join(f"{name} ({100 * value:.{digits(value)}f}%)" for name, value in coverage.items())


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
    max_gap_hours: float = 3,
    min_coverage: float = 0.9,
    unit: str = "km",
) -> SensorTrajectories:
    """Turn readings into a sensor network and one trajectory for each split, consecutive in time.

    A day is ``table.step.per_day`` frames. The first days["train"] days are trajectory 0, the next days["valid"]
    trajectory 1, the next days["test"] trajectory 2, so that no window straddles two splits. They share one array as
    long as the longest of them:
    ``num_frames`` says where each ends and ``time_offset`` when it begins. Gaps are interpolated inside each of them,
    never across a split.

    Args:
        table: V₀ stations, T times.
        days: "train", "valid", "test" → number of days; a split of 0 days is left out.
        mesh: name of the network.
        neighbours: k of the symmetrised nearest-neighbour graph.
        max_gap_hours: longest gap that is interpolated, in whole time steps; longer gaps are masked.
        min_coverage: stations that report a smaller fraction of the times used are dropped; the report lists them.
        unit: of length of planar coordinates; positions from degrees are in km whatever it is.

    Returns:
        Record (pos; names; node arrays altitude [m], latitude, longitude [degrees] but of planar coordinates, and
        station where the names are numbers), block (fields [n, T, V, 1] float32 with masks), axis (in the unit of the
        time step since the first midnight, UTC), report.

    Raises:
        ValueError: more days than the table has, an unknown split, a coverage outside [0, 1], or too few stations left.
    """
    segments = _segments(days, len(table.values), table.step.per_day)
    if not 0 <= min_coverage <= 1 or max_gap_hours < 0:
        raise ValueError(f"wanted min_coverage in [0, 1] and max_gap_hours ≥ 0, got {min_coverage} and {max_gap_hours}")
    used = replace(table, values=table.values[: segments[-1][2]])
    coverage = dict(zip(table.names, used.coverage().tolist()))
    keep = np.array([value >= min_coverage for value in coverage.values()])
    if keep.sum() <= neighbours:
        raise ValueError(_too_few(coverage, int(keep.sum()), neighbours, min_coverage, used))
    dropped = {name: value for name, value in coverage.items() if value < min_coverage}
    kept = used.select(keep)
    max_gap = int(max_gap_hours / table.step.hours + 1e-9)
    block, interpolated = _block(kept, segments, mesh, max_gap)
    read = int(np.isfinite(kept.values).sum())
    report = SensorReport(dropped, read, interpolated, kept.values.size - read - interpolated, min_coverage)
    return SensorTrajectories(_record(kept, neighbours, unit), block, TimeAxis(table.step.unit, table.origin), report)


def _too_few(coverage: dict[str, float], count: int, neighbours: int, threshold: float, used: SensorTable) -> str:
    best = dict(sorted(coverage.items(), key=lambda entry: -entry[1])[:10])
    more = f" and {len(coverage) - len(best)} more" if len(coverage) > len(best) else ""
    return (
        f"wanted more than {neighbours} stations with coverage of {100 * threshold:.9g}%, got {count}: the "
        f"{len(coverage)} stations of both files report {coverage_text(best, threshold)}{more} of the "
        f"{len(used.values)} times in steps of {used.step}; lower stations.min_coverage or stations.neighbours in the "
        f"recipe, or set stations.time_step to the step of the readings"
    )


def _segments(days: Mapping[str, int], times: int, per_day: int) -> list[tuple[str, int, int]]:
    """(split, first time, last time + 1) of every split that has days."""
    unknown = sorted(set(days) - set(SPLITS))
    if unknown:
        raise ValueError(f"days: wanted numbers of days for {', '.join(SPLITS)}, got {unknown[0]!r}")
    segments, start = [], 0
    for split in SPLITS:
        length = per_day * int(days.get(split, 0))
        if length < 0:
            raise ValueError(f"days: {split}: wanted a number of days of at least 0, got {days[split]}")
        if length:
            segments.append((split, start, start + length))
        start += length
    if not segments or start > times:
        raise ValueError(
            f"days: wanted between 1 and {times // per_day} days in all, as the readings have, got {start // per_day}"
        )
    return segments


def _record(table: SensorTable, neighbours: int, unit: str) -> MeshRecord:
    node = {"altitude": table.altitude}
    if table.position is not None:
        pos = table.position
    else:
        assert table.latitude is not None and table.longitude is not None  # the one or the other
        pos, unit = project(table.latitude, table.longitude), "km"
        node |= {"latitude": table.latitude, "longitude": table.longitude}
    if all(name.isdecimal() and len(name) < 19 for name in table.names):
        node["station"] = np.array([int(name) for name in table.names])
    # Names that the array of numbers tells are not stored twice.
    told = [str(number) for number in node.get("station", ())] == list(table.names)
    names = () if told else table.names
    return MeshRecord.from_sensors(pos, knn_graph(pos, neighbours), unit=unit, node=node, names=names)


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
        TIME_OFFSET: table.step.number * np.array([start for _, start, _ in segments], dtype=np.float64),
    }
    mask = {name: np.isfinite(field[..., 0]) for name, field in fields.items()}
    split = tuple(split for split, _, _ in segments)
    time = table.step.number * np.arange(length, dtype=np.float64)
    return TrajectoryBlock(mesh, 0, time, fields, mask, parameters, split), interpolated
