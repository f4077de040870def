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


def learning_rate(epoch: int, epochs: int, base: float, schedule: str) -> float:
    """The learning rate of an epoch, a function of the epoch alone so that a resumed run needs no state for it.

    constant: base;  cosine: base · ½ (1 + cos(π epoch/epochs)).

    Args:
        epoch: epochs completed before this one.
        epochs: epochs in total.
        base: the first epoch's learning rate.
        schedule: "constant" or "cosine".

    Returns:
        The learning rate.

    Raises:
        ValueError: another schedule.
    """
    if schedule == "constant":
        return base
    if schedule == "cosine":
        return base * 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))
    raise ValueError(f"training.schedule: wanted one of constant, cosine, given {schedule!r}")
