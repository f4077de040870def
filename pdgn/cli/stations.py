"""Sensor tables to the dataset file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pdgn.cli.recipe import StationsRecipe
from pdgn.data import DatasetWriter, SensorColumns, read_sensor_tables, sensor_trajectories

NETWORK = "stations"


def write_stations(recipe: StationsRecipe, output: Path, about: dict[str, Any], *, overwrite: bool = False) -> Path:
    """Reads both tables and writes one network with one trajectory per split.

    Args:
        recipe: which tables, columns and days.
        output: the file.
        about: name, description, license, seed and config of the file.
        overwrite: replace a finished file.

    Returns:
        The path of the file. Prints which stations were dropped and how many readings were interpolated or masked.

    Raises:
        FileNotFoundError: a table is missing.
        ValueError: a table cannot be read; the message names file and line.
    """
    columns = SensorColumns(station=recipe.station_column, date=recipe.date_column)
    variables = {recipe.value_column: recipe.field}
    table = read_sensor_tables(recipe.stations, recipe.readings, variables=variables, columns=columns)
    days = {"train": recipe.train_days, "valid": recipe.valid_days, "test": recipe.test_days}
    network = sensor_trajectories(
        table, days=days, mesh=NETWORK, neighbours=recipe.neighbours,
        max_gap_hours=recipe.max_gap_hours, min_coverage=recipe.min_coverage,
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
