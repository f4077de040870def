"""What a training step does to the autograd graph, and models on other devices and in mixed precision."""

from __future__ import annotations

import copy

import torch

from pdgn.rollout import rollout
from tests.models.samples import sample
from tests.models.test_padgn import build, every_variant


@every_variant
def test_a_training_step_gathers_and_scatters_without_index_put(channels, options):
    """Fancy indexing would put index_put, and slicing a tensor of zeros, into the backward of every step."""
    model, data = build(channels, options), sample(channels=channels)
    seen, waiting = set(), [rollout(model, data, 4, truth=data.y, truth_probability=1.0).sum().grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    names = {type(node).__name__.removesuffix("Backward0") for node in seen}
    assert any(name.startswith(("_Gather", "_Differences", "_Transport")) for name in names)
    assert not names & {"Index", "IndexPut", "Slice", "Select"}


@every_variant
def test_runs_on_another_device_and_in_mixed_precision(channels, options):
    model, data = build(channels, {**options, "conservative": True}), sample(channels=channels)
    data.mass = torch.ones(7, dtype=torch.float64)
    narrow = data.clone().apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = rollout(copy.deepcopy(model).float(), narrow, 1)
    plain = rollout(model, data, 1)
    assert mixed.dtype == torch.float32
    assert (mixed - plain).abs().max() < 0.05 * plain.abs().max()  # bfloat16 has 8 bits
    # A tensor made on the CPU on the way would meet those of the meta device and raise.
    far = rollout(model.to("meta"), data.to("meta"), 4, truth=data.y, truth_probability=1.0)
    assert far.device.type == "meta"
