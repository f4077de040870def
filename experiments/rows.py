"""The matrix of experiments: which models are trained on what, with which seeds, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

THREE, FIVE, ONE = range(3), range(5), range(1)
EQUATIONS = (
    "heat", "convection_diffusion", "fitzhugh_nagumo", "wave", "fisher_kpp", "gray_scott", "cahn_hilliard",
    "heat_refined",
)  # fmt: skip
TRAINED = (
    "padgn_published", "meshgraphnet", "fen", "ours", "padgn_published_sum", "gru", "rgn", "rgn_standard", "rgn_mesh",
    "fixed_operators", "padgn",
)  # fmt: skip
# Experiment 5: what is changed in a model, on the plane and on one equation of the surfaces; its own are elsewhere.
# On the plane and in `ablation_core` it is the recurrent core on learned operators, in `ablation_surface` ours.
ABLATIONS = {
    "ablation_plane": "plane_250", "ablation_core": "convection_diffusion", "ablation_surface": "convection_diffusion",
}  # fmt: skip
ABLATED = {"ablation_plane": "padgn", "ablation_core": "padgn", "ablation_surface": "ours"}
# A changed graph is a dataset of its own: the same sensors and trajectories.
OTHER_GRAPHS = {"padgn_delaunay": "plane_delaunay", "padgn_knn": "convection_diffusion_knn"}
# The same models trained for longer, as no claim may rest on models that were still improving.
LONGER = {"heat_long": "heat", "convection_diffusion_long": "convection_diffusion"}
# Processor time [min] where it is not the config's. The recurrent core with changes has a short one: 23 rows a seed.
CAPS = {**dict.fromkeys(LONGER, 60.0), "ablation_plane": 4.0, "ablation_core": 4.0}
CORE_CHANGES = (
    "padgn", "padgn_features", "padgn_free", "padgn_fixed", "padgn_hops0", "padgn_hops2", "padgn_hops3",
    "padgn_kernels1", "padgn_kernels16", "padgn_noise", "padgn_single_steps", "padgn_limited", "padgn_push_forward",
)  # fmt: skip
CORE_SURFACE_CHANGES = ("padgn_geodesic", "padgn_sizeless", "padgn_projected", "padgn_knn")
CHANGES = (
    "ours_vertex_flow", "ours_projection", "ours_kernels1", "ours_kernels4", "ours_reaction", "ours_chebyshev",
    "ours_noise", "ours_roll_outs", "ours_push_forward", "ours_context",
)  # fmt: skip
DIRECTIONAL = ("finite-difference", "mlp", "gn", "one-weight", "sdl", "ours")
MOST_CORE_ROWS = 90


def problem_of(experiment: str, model: str = "") -> str:
    """The experiment whose data and config a row shares; its own where it has one."""
    return OTHER_GRAPHS.get(model) or ABLATIONS.get(experiment) or LONGER.get(experiment, experiment)


class Row(NamedTuple):
    """One line of a table.

    Args:
        experiment: its name.
        model: name of the model in the tables.
        seed: of every random draw of the row.
        core: whether it is of the core matrix.
    """

    experiment: str
    model: str
    seed: int
    core: bool

    @property
    def name(self) -> str:
        """EXPERIMENT/MODEL-SEED."""
        return f"{self.experiment}/{self.model}-{self.seed}"


def core_rows() -> list[Row]:
    """The core matrix, at most 90 rows: what is done first."""
    return list(_distinct(_core(), core=True))


def extra_rows() -> list[Row]:
    """All other rows, the more important ones first."""
    core = {row.name for row in core_rows()}
    return [row for row in _distinct(_extra(), core=False) if row.name not in core]


def all_rows() -> list[Row]:
    """The whole matrix in the order in which it is run."""
    return core_rows() + extra_rows()


def chosen_rows(patterns: Iterable[str], rows: Iterable[Row] | None = None) -> list[Row]:
    """Some rows of the matrix.

    Args:
        patterns: EXPERIMENT, EXPERIMENT/MODEL or EXPERIMENT/MODEL-SEED, with * and ? as in file names; none: all rows.
        rows: among which; none: the whole matrix.

    Raises:
        ValueError: a pattern that no row matches.
    """
    rows = all_rows() if rows is None else list(rows)
    patterns = list(patterns)
    for pattern in patterns:
        if not any(_matches(row, pattern) for row in rows):
            raise ValueError(f"--only: wanted EXPERIMENT[/MODEL[-SEED]] of the matrix (--list), given {pattern!r}")
    return [row for row in rows if not patterns or any(_matches(row, pattern) for pattern in patterns)]


def _matches(row: Row, pattern: str) -> bool:
    names = (row.experiment, f"{row.experiment}/{row.model}", row.name)
    return any(fnmatchcase(name, pattern) for name in names)


def _distinct(rows: Iterable[tuple[str, str, int]], core: bool) -> Iterator[Row]:
    for experiment, model, seed in dict.fromkeys(rows):
        yield Row(experiment, model, seed, core)


def _grid(experiment: str, models: Iterable[str], seeds: Iterable[int]) -> Iterator[tuple[str, str, int]]:
    seeds = list(seeds)
    yield from ((experiment, model, seed) for model in models for seed in seeds)


def _core() -> Iterator[tuple[str, str, int]]:
    """Models without weights to draw need one seed where the seed does not draw the data either."""
    yield from _grid("directional", DIRECTIONAL, FIVE)
    yield from _grid("plane_250", ("persistence", "local_linear", "var"), THREE)
    learned = ("padgn_published_sum", "padgn_published", "rgn_standard", "meshgraphnet", "fen", "ours")
    for seed in THREE:  # a table of one seed is read before three are there
        yield from _grid("plane_250", learned, [seed])
    yield from _grid("stations", ("persistence", "local_linear_direct", "ours"), ONE)
    for seed in THREE:
        yield from _grid("stations", ("gru", "padgn_published"), [seed])
    for seed in THREE:
        yield from _grid("heat", ("padgn_published", "meshgraphnet", "fen", "ours"), [seed])
        yield from _grid("convection_diffusion", ("padgn_published", "meshgraphnet", "ours"), [seed])


def _extra() -> Iterator[tuple[str, str, int]]:
    yield from _grid("stations", ("local_linear", "var"), ONE)
    yield from _grid("wind", ("persistence", "local_linear_direct", "local_linear", "var", "ours"), ONE)
    yield from _grid("wind", ("gru", "padgn_published"), THREE)
    for equation in EQUATIONS:
        yield from _grid(equation, ("persistence",), ONE)
    yield from _grid("convection_diffusion", ("fen",), THREE)
    yield from _grid("heat_refined", ("ours", "meshgraphnet", "padgn_published", "ours_uncorrected"), THREE)
    for longer in LONGER:
        yield from _grid(longer, ("meshgraphnet", "fen", "padgn_published"), ONE)
    for equation in ("fitzhugh_nagumo", "wave"):
        yield from _grid(equation, ("padgn_published", "meshgraphnet", "fen", "ours"), THREE)
    yield from _grid("fitzhugh_nagumo", ("ours_one_step",), THREE)
    for equation in ("fisher_kpp", "gray_scott", "cahn_hilliard"):
        yield from _grid(equation, ("padgn_published", "meshgraphnet", "ours"), THREE)
    for seed in THREE:
        yield from _grid("ablation_surface", CHANGES, [seed])
        yield from _grid("ablation_plane", (*CORE_CHANGES, "padgn_delaunay"), [seed])
        yield from _grid("ablation_core", (*CORE_CHANGES, *CORE_SURFACE_CHANGES), [seed])
    yield from _grid("plane_250", ("local_linear_direct", "var", "mlp", "gru", "rgn", "rgn_mesh"), THREE)
    yield from _grid("plane_250", ("fixed_operators", "padgn"), THREE)
    for other in ("plane_100", "plane_150", "plane_delaunay"):
        yield from _grid(other, ("persistence", "local_linear", "var", "padgn_published_sum", "ours"), THREE)
    for experiment in ("stations", "wind"):
        yield from _grid(experiment, ("mlp", "rgn", "rgn_standard", "rgn_mesh", "meshgraphnet", "fen"), THREE)
        yield from _grid(experiment, ("padgn_published_sum", "fixed_operators", "padgn"), THREE)
    for equation in ("heat", "convection_diffusion", "fitzhugh_nagumo", "wave"):
        yield from _grid(equation, TRAINED, THREE)
    for other in ("plane_100", "plane_150", "plane_delaunay"):
        yield from _grid(other, ("rgn_standard", "meshgraphnet", "fen", "padgn_published"), THREE)
    yield from _grid("directional", ("fixed-mls", "mlp-silu", "gn-silu", "one-weight-silu", "sdl-silu"), FIVE)
