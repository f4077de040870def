"""The error of training that cannot go on."""


class TrainingDivergedError(ValueError):
    """A loss or gradient that is not finite: training cannot go on."""
