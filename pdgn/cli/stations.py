"""Sensor tables to the dataset file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pdgn.cli.recipe import StationsRecipe
from pdgn.data import (
    Box,
    DatasetWriter,
    SensorColumns,
    SensorTable,
    read_noaa,
    read_sensor_tables,
    sensor_trajectories,
)
from pdgn.data.sensor_time import TimeStep

NETWORK = "stations"


def write_stations(
    recipe: StationsRecipe, output: Path, about: dict[str, Any], *, unit: str = "km", overwrite: bool = False
) -> Path:
    """Reads both tables and writes one network with one trajectory per split.

    Args:
        recipe: which tables, columns and days.
        output: the file.
        about: name, description, license, seed and config of the file.
        unit: of length of planar coordinates.
        overwrite: replace a finished file.

    Returns:
        The path of the file. Prints which stations were dropped and how many readings were interpolated or masked.

    Raises:
        FileNotFoundError: a table is missing.
        ValueError: a table cannot be read; the message names file and line.
    """
    table = read_stations(recipe)
    days = {"train": recipe.train_days, "valid": recipe.valid_days, "test": recipe.test_days}
    network = sensor_trajectories(
        table, days=days, mesh=NETWORK, neighbours=recipe.neighbours,
        max_gap_hours=recipe.max_gap_hours, min_coverage=recipe.min_coverage, unit=unit,
    )  # fmt: skip
    print(network.report.describe())
    attributes = {recipe.field: {"unit": recipe.unit, "equation": "", "boundary": ""}}
    with DatasetWriter(
        output, **about, field_attributes=attributes, time_unit=network.axis, overwrite=overwrite
    ) as writer:
        if not writer.has_mesh(NETWORK):
            writer.write_mesh(NETWORK, network.record)
        if not writer.has_block(NETWORK, 0):
            writer.write_block(network.block)
        return writer.finish()


def read_stations(recipe: StationsRecipe) -> SensorTable:
    """The readings of a recipe, scaled to its unit.

    Args:
        recipe: which files, columns and places.

    Returns:
        The table.

    Raises:
        FileNotFoundError, ValueError: as `write_stations`.
    """
    variables = {recipe.value_column: recipe.field}
    if recipe.format == "noaa":
        first = None if recipe.first_date is None else datetime.fromisoformat(recipe.first_date)
        box = None if recipe.box is None else Box(*recipe.box)
        table = read_noaa(recipe.readings, variables=variables, box=box, first=first)
    else:
        assert recipe.stations is not None  # the recipe was checked
        columns = SensorColumns(
            station=recipe.station_column, latitude=recipe.latitude_column, longitude=recipe.longitude_column,
            altitude=recipe.altitude_column, date=recipe.date_column, date_format=recipe.date_format,
            readings_station=recipe.readings_station_column,
            x=recipe.x_column, y=recipe.y_column, z=recipe.z_column,
        )  # fmt: skip
        table = read_sensor_tables(
            recipe.stations, recipe.readings, variables=variables, columns=columns,
            time_step=TimeStep.parse(recipe.time_step), time_tolerance=recipe.time_tolerance,
        )  # fmt: skip
    return replace(table, values=recipe.scale * table.values + recipe.offset)
