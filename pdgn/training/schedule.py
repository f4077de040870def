"""What changes from epoch to epoch: the learning rate and the probability of truth."""

from __future__ import annotations

import math


def truth_probability(epoch: int, decay: float | None) -> float:
    """How often the truth, not the model's own prediction, is the next input (scheduled sampling).

    p(epoch) = k/(k + exp(epoch/k)); close to 1 at first, ½ where epoch = k ln k, then toward 0.

    Args:
        epoch: epochs completed before this one.
        decay: k; None: no truth at all.

    Returns:
        p in [0, 1].

    Reference: Bengio, Vinyals, Jaitly, Shazeer, "Scheduled Sampling", NeurIPS 2015 (inverse sigmoid decay).
    """
    if decay is None:
        return 0.0
    # exp(-epoch/k) in both terms: exp(epoch/k) overflows after 710 k epochs.
    weight = decay * math.exp(-epoch / decay)
    return weight / (weight + 1.0)


def learning_rate(epoch: int, epochs: int, base: float, schedule: str, factor: float = 1.0) -> float:
    """The learning rate of an epoch; but for "plateau" a function of the epoch alone.

    constant: base;  cosine: base · ½ (1 + cos(π epoch/epochs));  plateau: base · factor.

    Args:
        epoch: epochs completed before this one.
        epochs: epochs in total.
        base: the first epoch's learning rate.
        schedule: "constant", "cosine" or "plateau".
        factor: of "plateau", what the validations so far have made of the rate (`Plateau`).

    Returns:
        The learning rate.

    Raises:
        ValueError: another schedule.
    """
    if schedule == "constant":
        return base
    if schedule == "plateau":
        return base * factor
    if schedule == "cosine":
        return base * 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))
    raise ValueError(f"training.schedule: wanted one of constant, cosine, plateau, given {schedule!r}")
