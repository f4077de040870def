"""The metrics of a validation, from sums over its batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch_geometric.data import Data

from pdgn.data import Normalizer
from pdgn.training.description import FieldDescription
from pdgn.training.loss import error_sums, increment_error, reading_count


def batch_errors(prediction: Tensor, data: Data, truth: Tensor, normalizer: Normalizer) -> dict[str, Tensor]:
    """The sums of one batch.

    Args:
        prediction: [N, H, C], normalised.
        data: the normalised batch; its y_mask says what counts.
        truth: [N, H, C] in physical units.
        normalizer: between both units.

    Returns:
        "valid total" and "valid count" of the loss, and those of :class:`~pdgn.training.loss.ErrorSums`, by name.
    """
    errors = error_sums(normalizer.inverse(prediction), truth, data.y_mask)
    totals = {"valid total": increment_error(prediction, data), "valid count": reading_count(data)}
    return totals | errors._asdict()


def error_metrics(sums: Mapping[str, Tensor], fields: Sequence[FieldDescription]) -> dict[str, Tensor]:
    """MAE and RMSE in physical units, of each field where there are several, and the loss.

    Args:
        sums: of `batch_errors` over all batches.
        fields: that make up the channels.

    Returns:
        "valid/loss", "valid/mae" and "valid/rmse", the last two with "/<field>" where there are several; each [].
    """
    found, start = {"valid/loss": (sums["valid total"] / sums["valid count"]).float()}, 0
    for field in fields:
        part = slice(start, start := start + field.channels)
        readings = sums["readings"] * field.channels
        suffix = f"/{field.name}" if len(fields) > 1 else ""
        found[f"valid/mae{suffix}"] = (sums["absolute"][part].sum() / readings).float()
        found[f"valid/rmse{suffix}"] = (sums["squared"][part].sum() / readings).sqrt().float()
    return found
