"""Which trajectories are for training, validation and test: by trajectory, by mesh, by resolution."""

from __future__ import annotations

from pdgn.cli.recipe import Recipe
from pdgn.cli.surfaces import Place, places


def splits(recipe: Recipe, place: Place) -> tuple[str, ...]:
    """The split of every trajectory on a mesh.

    Args:
        recipe: the recipe.
        place: the mesh.

    Returns:
        "train", "valid" or "test" for each trajectory; all "test" where the surface is for testing alone.
    """
    counts = recipe.trajectories if recipe.geodesics is None else recipe.geodesics
    if counts.test + counts.train == 0:
        raise ValueError("trajectories: wanted train or test of at least 1, given 0 for both")
    test_alone = place.entry.role == "test" or place.variant is not None
    train = () if test_alone else ("train",) * counts.train + ("valid",) * counts.valid
    return train + ("test",) * counts.test


def split_schemes(recipe: Recipe) -> dict[str, dict[str, tuple[str, ...]]]:
    """Further splits, by mesh and by resolution, beside that by trajectory.

    By mesh: trained on the surfaces of role "train", tested on those of role "test". By resolution: trained on the
    same, tested on their variants. What has no part in a scheme is "none" there.

    Args:
        recipe: the recipe.

    Returns:
        mesh → scheme ("by_mesh", where surfaces of both roles are there; "by_resolution", where variants are) → one
        of "train", "valid", "test", "none" for each trajectory.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    meshes = places(recipe)
    roles = {place.entry.role for place in meshes}
    for place in meshes:
        rows = splits(recipe, place)
        learned = tuple("none" if row == "test" else row for row in rows)
        whole, none = ("test",) * len(rows), ("none",) * len(rows)
        schemes = {}
        if len(roles) == 2:
            unseen = place.entry.role == "test"
            schemes["by_mesh"] = none if place.variant is not None else whole if unseen else learned
        if any(place.variant is not None for place in meshes):
            again = place.variant is not None and place.entry.role == "train"
            schemes["by_resolution"] = whole if again else none if place.entry.role == "test" else learned
        if schemes:
            found[place.name] = schemes
    return found
