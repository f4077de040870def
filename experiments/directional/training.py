"""The training of one model on one problem: Adam, mini-batches of edges, the best state by validation error."""

from __future__ import annotations

import copy
import time
from typing import NamedTuple

import torch
from tqdm import tqdm

from experiments.directional.adam import FlatAdam
from experiments.directional.edge_model import EdgeModel

EPOCHS = 1000
BATCH = 16
LEARNING_RATE = 1e-3


class Outcome(NamedTuple):
    """Mean squared errors of the state that was best on the validation edges, and how it was found.

    Attributes:
        validation, test: mean squared errors. epoch: of the best state, 0 untrained. epochs: done.
        budget_limited: stopped by the clock. seconds: of the processor, so that other work beside it does not count.
    """

    validation: float
    test: float
    epoch: int
    epochs: int
    budget_limited: bool
    seconds: float


def error(model: EdgeModel, edges: torch.Tensor) -> float:
    """The mean squared error on some edges, of the model's own derivative on the whole graph."""
    with torch.no_grad():
        return (model.everywhere()[edges] - model.problem.target[edges]).square().mean().item()


def train(model: EdgeModel, seed: int, seconds: float, label: str, epochs: int = EPOCHS) -> Outcome:
    """Trains a model in place and leaves it in the state that was best on the validation edges; tests that one once.

    Args:
        model: untrained. seed: of the order of the edges. seconds: of the processor, after which to stop.
        label: of the progress bar. epochs: at most.
    """
    problem, begun = model.problem, time.process_time()
    best, best_epoch, done, limited = error(model, problem.validation), 0, 0, False
    if model.trainable:
        state = copy.deepcopy(model.state_dict())
        optimiser = FlatAdam(model, LEARNING_RATE, model.decay)
        order = torch.Generator().manual_seed(seed)
        for done in tqdm(range(1, epochs + 1), desc=label, unit="epoch", mininterval=2.0):
            _epoch(model, optimiser, order)
            if (done - 1) % model.look_every == 0:
                with torch.no_grad():
                    now = (model(problem.validation) - problem.target[problem.validation]).square().mean().item()
                if now < best:
                    best, best_epoch = now, done
                    state = copy.deepcopy(model.state_dict())
            limited = done < epochs and time.process_time() - begun > seconds
            if limited:
                break
        model.load_state_dict(state)
    seconds = time.process_time() - begun
    return Outcome(error(model, problem.validation), error(model, problem.test), best_epoch, done, limited, seconds)


def _epoch(model: EdgeModel, optimiser: FlatAdam, order: torch.Generator) -> None:
    train = model.problem.train
    number = train.size(0)
    if model.with_replacement:
        drawn = torch.randint(number, (number // BATCH * BATCH,), generator=order)
    else:
        drawn = torch.randperm(number, generator=order)
    for edges in train[drawn].split(BATCH):
        optimiser.zero_grad()
        model.add_gradient(edges)
        optimiser.step()
