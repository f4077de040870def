"""Peak memory of a training step on parts of a mesh of 40,962 vertices, each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
import torch
from torch_geometric.data import Data
from pdgn.mesh import icosphere
from pdgn.models import PADGN, Channels
from pdgn.training.loss import increment_loss
from pdgn.training.partitioned_rollout import partitioned_rollout

def peak():
    lines = open("/proc/self/status").read().splitlines()  # ru_maxrss would include the process that started this one
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

torch.set_num_threads(1)
parts, scratch, level = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
edges = icosphere(level).to_data().edge_index
nodes, count = int(edges.max()) + 1, edges.size(1)
generator = torch.Generator().manual_seed(0)
draw = lambda *shape: torch.randn(*shape, generator=generator)
data = Data(x=draw(nodes, 1, 1), y=draw(nodes, 10, 1), y_mask=torch.ones(nodes, 10, dtype=torch.bool), edge_index=edges,
            node_context=draw(nodes, 3), edge_context=draw(count, 1), reference_gradient=draw(count).abs(),
            reference_laplacian=draw(count).abs())
torch.manual_seed(0)
model = PADGN(Channels(1, 3, 1), hidden_channels=32, num_kernels=8)
before = peak()
loss = increment_loss(partitioned_rollout(model, data, 10, parts=parts, scratch=scratch), data)
loss.backward()
gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
print(json.dumps({"peak": peak() - before, "loss": loss.item(), "gradient": gradient.norm().item()}))
"""


def measured(parts: int, scratch: Path, level: int = 6) -> dict[str, float]:
    command = [sys.executable, "-c", SCRIPT, str(parts), str(scratch), str(level)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak where Linux shows it")
def test_peak_memory_follows_the_size_of_a_part(tmp_path):
    one, four, sixteen = (measured(parts, tmp_path) for parts in (1, 4, 16))
    small = measured(4, tmp_path, level=5)  # a quarter of the mesh in a quarter of the parts
    for other in (four, sixteen):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["gradient"] == pytest.approx(one["gradient"], rel=1e-5)
    figures = [round(run["peak"]) for run in (one, four, sixteen, small)]
    print(f"MB for 1, 4 and 16 parts of 40,962 nodes, 4 of 10,242: {figures}")
    # Not quite 1/4 and 1/16: a part has a halo, and the sample and its cut pieces, 1 kB a node, stay.
    assert four["peak"] < 0.45 * one["peak"] and sixteen["peak"] < 0.2 * one["peak"]
    assert sixteen["peak"] - small["peak"] < 2e-3 * (40962 - 10242)
