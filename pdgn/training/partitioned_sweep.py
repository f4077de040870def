"""A roll-out part by part: forward with nothing kept but states, and backward with one step of one part at a time."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch_geometric.data import Data

from pdgn.models import ForecastModel
from pdgn.models.sample import mass_mean
from pdgn.training.halo_exchange import Derivative, HaloExchange
from pdgn.training.halo_reach import reach_of
from pdgn.training.halo_store import BlockStore
from pdgn.training.partition import Partition

Inputs = Sequence[tuple[Tensor | None, Tensor]]


_Derivatives = tuple[Tensor, list[list[Derivative]]]  # by a frame, and by tensor of the state and part


class _States(NamedTuple):
    """States of all parts before a step.

    Attributes:
        form: as a tree. learned: for each tensor, whether it depends on parameters. shared: its rows, by part.
    """

    form: Any
    learned: list[bool]
    shared: list[Sequence[Any]]


class PartitionedSweep:
    """One roll-out, forward and, at most once, backward.

    Frames are kept whole, [N, C] for each step; states and their derivatives are kept part by part in the store.

    Args:
        model: what steps. data: the whole sample or batch. inputs: for each step what stands in the place of the
            prediction, [N, C] or None, and where, [N] bool. partition: of the graph of data. store: for states.

    Raises:
        ValueError: the model's steps see more than a bounded neighbourhood.
    """

    def __init__(
        self, model: ForecastModel, data: Data, inputs: Inputs, partition: Partition, store: BlockStore
    ) -> None:
        reach, device = reach_of(model), data.x.device
        self._data = data
        self._inputs = inputs
        self._model = copy.copy(model)
        self._conservative = bool(getattr(model, "conservative", False))
        if self._conservative:  # a mean over the whole graph is taken between the steps of the parts
            self._model.__dict__["conservative"] = False
        self._graphs = [graph.to(device) for graph in partition.graphs(reach.step)]
        self._start_graphs = [graph.to(device) for graph in partition.graphs(reach.start)]
        self._pieces = [graph.cut(data) for graph in self._graphs]
        self._exchange = HaloExchange(self._graphs, store, device)
        self._frames = [torch.zeros_like(data.x[:, 0])]
        self._states: list[_States] = []  # before each step

    def forward(self, keep: bool) -> Tensor:
        """All predictions, those of observed frames included.

        Args:
            keep: what :meth:`backward` needs.

        Returns:
            [N, steps, C].
        """
        states = self._start(keep)
        for index in range(len(self._inputs)):
            if keep:
                self._states.append(states)
            states = self._advance(index, states)
        return torch.stack(self._frames[1:], dim=1)

    def backward(self, derivative: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """Derivatives by the parameters.

        Args:
            derivative: by what :meth:`forward` returned. parameters: of the model.

        Raises:
            RuntimeError: it was called before.
        """
        if not self._states:
            raise RuntimeError("partitioned roll-out: wanted one backward pass, given a second")
        gradient = _Sum(parameters)
        by_frame = torch.zeros_like(self._frames[0])
        by_states: list[list[Derivative]] = []  # nothing asks for the states after the last step
        for index in reversed(range(len(self._inputs))):
            by_frame, by_states = self._pull_back(index, by_frame + derivative[:, index], by_states, gradient)
            self._states.pop()
        for part in range(len(self._graphs)):
            self._pull_back_start(part, by_states, gradient)
        return gradient.totals

    def _start(self, keep: bool) -> _States:
        parts = [self._start_part(part, learn=keep and part == 0) for part in range(len(self._graphs))]
        form, learned, _ = parts[0]
        return _States(form, learned, list(zip(*(shared for _, _, shared in parts))))

    def _start_part(self, part: int, learn: bool) -> tuple[Any, list[bool], list[Any]]:
        """As :meth:`_advance_part`; one part, with gradients, shows which tensors depend on parameters."""
        graph = self._start_graphs[part]
        with torch.set_grad_enabled(learn):
            leaves, form = pytree.tree_flatten(self._model.start(graph.cut(self._data)))
        learned = [isinstance(leaf, Tensor) and leaf.requires_grad for leaf in leaves]
        return form, learned, [self._exchange.share(part, leaf, graph) for leaf in leaves]

    def _pull_back_start(self, part: int, by_states: list[list[Derivative]], gradient: _Sum) -> None:
        with torch.enable_grad():
            state = pytree.tree_leaves(self._model.start(self._start_graphs[part].cut(self._data)))
            pairs = self._pairs(part, state, by_states)
        gradient.add(pairs, [])

    def _advance(self, index: int, states: _States) -> _States:
        frame = self._input(index)
        prediction = torch.empty_like(frame)
        parts = [self._advance_part(part, index, frame, states, prediction) for part in range(len(self._graphs))]
        if self._conservative:
            prediction -= mass_mean(self._data, prediction - frame)
        self._frames.append(prediction)
        form, learned, _ = parts[0]
        return _States(form, learned, list(zip(*(shared for _, _, shared in parts))))

    def _advance_part(
        self, part: int, index: int, frame: Tensor, states: _States, prediction: Tensor
    ) -> tuple[Any, list[bool], list[Any]]:
        """Writes the part's own rows of the prediction; gives the form of its state, what is learned in it, its rows.

        A function of its own, so that nothing of a part is alive while the next one is computed.
        """
        graph, leaves = self._graphs[part], self._local(part, states)
        out, new, form = self._step(part, index, frame.index_select(0, graph.nodes), leaves, states.form)
        prediction.index_copy_(0, graph.nodes[: graph.own_nodes], out[: graph.own_nodes].to(frame.dtype))
        # What a step hands on as it is is kept once for all steps.
        known = {id(leaf): place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)}
        shared, learned = [], []
        for leaf in new:
            place = known.get(id(leaf))
            if place is None:
                shared.append(self._exchange.share(part, leaf))
                learned.append(isinstance(leaf, Tensor) and leaf.is_floating_point())
            else:
                shared.append(states.shared[place][part])
                learned.append(states.learned[place])
        return form, learned, shared

    def _pull_back(
        self, index: int, by_prediction: Tensor, by_following: list[list[Derivative]], gradient: _Sum
    ) -> tuple[Tensor, list[list[Derivative]]]:
        """From derivatives by what a step gives to those by what it takes."""
        by_frame = torch.zeros_like(by_prediction)
        by_states = [[Derivative() for _ in self._graphs] for _ in self._states[index].shared]
        if self._conservative:
            by_frame += self._by_increment(by_prediction)
            by_prediction = by_prediction - by_frame
        for part in range(len(self._graphs)):
            self._pull_back_part(part, index, (by_prediction, by_following), (by_frame, by_states), gradient)
        reading, observed = self._inputs[index]
        return by_frame if reading is None else by_frame.masked_fill(observed.unsqueeze(1), 0), by_states

    def _pull_back_part(self, part: int, index: int, given: _Derivatives, wanted: _Derivatives, gradient: _Sum) -> None:
        """Adds a part's share to the wanted derivatives, by the frame and by the states, and to the gradient."""
        (by_prediction, by_following), (by_frame, by_states) = given, wanted
        graph, states = self._graphs[part], self._states[index]
        seen = self._input(index).index_select(0, graph.nodes).requires_grad_()
        leaves = self._local(part, states)
        places = [place for place, learned in enumerate(states.learned) if learned]
        sources = [seen, *(leaves[place].requires_grad_() for place in places)]
        with torch.enable_grad():
            out, new, _ = self._step(part, index, seen, leaves, states.form)
            pairs = self._pairs(part, new, by_following)
            pairs.append((out[: graph.own_nodes], by_prediction[graph.nodes[: graph.own_nodes]].to(out.dtype)))
        del out, new, leaves
        by_seen, *by_leaves = gradient.add(pairs, sources)
        if by_seen is not None:
            by_frame.index_add_(0, graph.nodes, by_seen)
        for place, by_leaf in zip(places, by_leaves):
            if by_leaf is not None:
                self._exchange.hand_back(part, by_leaf, by_states[place])

    def _step(self, part: int, index: int, seen: Tensor, leaves: list[Any], form: Any) -> tuple[Tensor, list[Any], Any]:
        observed = self._inputs[index][1].index_select(0, self._graphs[part].nodes)
        state = pytree.tree_unflatten(leaves, form)
        out, state = self._model.step(seen, state, self._pieces[part], index, observed)
        return out, *pytree.tree_flatten(state)

    def _input(self, index: int) -> Tensor:
        """The frame that a step starts from, [N, C]."""
        reading, observed = self._inputs[index]
        prediction = self._frames[index]
        return prediction if reading is None else torch.where(observed.unsqueeze(1), reading, prediction)

    def _local(self, part: int, states: _States) -> list[Any]:
        return [self._exchange.local(part, shared) for shared in states.shared]

    def _pairs(self, part: int, leaves: list[Any], derivatives: list[list[Derivative]]) -> list[tuple[Tensor, Tensor]]:
        """The own rows of a state and the derivatives by them."""
        pairs = []
        for leaf, parts in zip(leaves, derivatives):
            total = parts[part].total(self._data.x.device)
            if total is not None:
                pairs.append((leaf[: total.size(0)], total))
        return pairs

    def _by_increment(self, derivative: Tensor) -> Tensor:
        """From a derivative by the mean of an increment to one by the increment, [N, C]."""
        with torch.enable_grad():
            increment = torch.zeros_like(derivative).requires_grad_()
            return torch.autograd.grad(mass_mean(self._data, increment), increment, derivative)[0]


class _Sum:
    """Derivatives by parameters, added up over parts and steps."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = list(parameters)
        self.totals: list[Tensor | None] = [None] * len(self._parameters)

    def add(self, pairs: list[tuple[Tensor, Tensor]], wanted: list[Tensor]) -> Sequence[Tensor | None]:
        """Adds the derivatives of outputs with given derivatives by them; gives those by the wanted tensors."""
        pairs = [pair for pair in pairs if pair[0].requires_grad]
        if not pairs:
            return [None] * len(wanted)
        results = torch.autograd.grad(
            [output for output, _ in pairs],
            [*wanted, *self._parameters],
            [derivative for _, derivative in pairs],
            allow_unused=True,
        )
        for place, result in enumerate(results[len(wanted) :]):
            if result is not None:
                total = self.totals[place]
                self.totals[place] = result if total is None else total + result
        return results[: len(wanted)]
