"""Datasets of trajectories on meshes: the HDF5 file, its writer and checker, PyG windows, normalisation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pdgn.data.access import DamagedFileError
from pdgn.data.check import check_file
from pdgn.data.file import DatasetFile, TrajectoryTable, open_file
from pdgn.data.noaa import Box, read_noaa
from pdgn.data.records import CurveRecord, MeshRecord
from pdgn.data.schema import SCHEMA_VERSION, SPLITS
from pdgn.data.sensor_dataset import (
    SensorReport,
    SensorTrajectories,
    interpolate_gaps,
    project,
    sensor_trajectories,
)
from pdgn.data.sensor_files import read_sensor_tables
from pdgn.data.sensor_table import SensorColumns, SensorTable
from pdgn.data.shards import TimeAxis
from pdgn.data.structure import Violation
from pdgn.data.trajectory_block import TrajectoryBlock
from pdgn.data.writer import DatasetWriter, config_hash

if TYPE_CHECKING:
    from pdgn.data.context import ChannelCounts, Context
    from pdgn.data.dataset import MeshDynamicsDataset, TrajectoryKey
    from pdgn.data.distance_dataset import DistanceDataset
    from pdgn.data.loader import WindowLoader
    from pdgn.data.normalizer import Normalizer
    from pdgn.data.sample import build_sample

__all__ = [
    "SCHEMA_VERSION",
    "SPLITS",
    "Box",
    "ChannelCounts",
    "Context",
    "CurveRecord",
    "DamagedFileError",
    "DatasetFile",
    "DatasetWriter",
    "DistanceDataset",
    "MeshDynamicsDataset",
    "MeshRecord",
    "Normalizer",
    "SensorColumns",
    "SensorReport",
    "SensorTable",
    "SensorTrajectories",
    "TimeAxis",
    "TrajectoryBlock",
    "TrajectoryKey",
    "TrajectoryTable",
    "Violation",
    "WindowLoader",
    "build_sample",
    "check_file",
    "config_hash",
    "interpolate_gaps",
    "open_file",
    "project",
    "read_noaa",
    "read_sensor_tables",
    "sensor_trajectories",
]

# Names whose modules need torch: imported when they are asked for, as the processes that simulate do without it.
_LATE = {
    "ChannelCounts": "context",
    "Context": "context",
    "DistanceDataset": "distance_dataset",
    "MeshDynamicsDataset": "dataset",
    "Normalizer": "normalizer",
    "TrajectoryKey": "dataset",
    "WindowLoader": "loader",
    "build_sample": "sample",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(f"pdgn.data.{_LATE[name]}"), name)
    raise AttributeError(f"module 'pdgn.data' has no attribute '{name}'")
