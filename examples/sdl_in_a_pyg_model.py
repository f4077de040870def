"""A GraphSAGE model gains a spatial difference layer in three lines: how steep is a field on a sphere?"""

import torch
from torch_geometric.nn import GraphSAGE
from torch_geometric.utils import scatter

from pdgn.mesh import icosphere
from pdgn.nn import SpatialDifferenceLayer
from pdgn.operators import reference_weights

mesh = icosphere(3)
pos, edge_index = torch.tensor(mesh.pos).float(), torch.tensor(mesh.edge_index)
reference = tuple(torch.tensor(weight).float() for weight in reference_weights(mesh))


class WithDifferences(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.sdl = SpatialDifferenceLayer(1, 3, num_kernels=2, hidden_channels=16, signal_in_weights=False)  # 1
        self.model = GraphSAGE(4 + 2, hidden_channels=32, num_layers=2, out_channels=1)

    def forward(self, x, edge_index):
        gradient, _ = self.sdl(x[:, :1], edge_index, x[:, 1:], reference)  # 2
        x = torch.cat([x, scatter(gradient[:, :, 0].abs(), edge_index[1], dim_size=len(x))], dim=1)  # 3
        return self.model(x, edge_index)


def random_field(generator):
    """A wave on the unit sphere beside the coordinates, [V, 4], and the exact length of its gradient, [V, 1]."""
    wave = 2 * torch.randn(3, 1, generator=generator)
    phase, tangential = pos @ wave + torch.rand(1, generator=generator), wave.T - (pos @ wave) * pos
    return torch.cat([phase.sin(), pos], dim=1), (phase.cos() * tangential).norm(dim=1, keepdim=True)


def error_after_training(model, steps=150):
    optimizer, generator = torch.optim.Adam(model.parameters(), lr=5e-3), torch.Generator().manual_seed(0)
    for _ in range(steps):
        x, target = random_field(generator)
        optimizer.zero_grad()
        (model(x, edge_index) - target).square().mean().backward()
        optimizer.step()
    fresh = (random_field(generator) for _ in range(20))
    return sum((model(x, edge_index) - target).abs().mean().item() for x, target in fresh) / 20


if __name__ == "__main__":
    torch.manual_seed(0)
    alone, within = error_after_training(GraphSAGE(4, 32, 2, 1)), error_after_training(WithDifferences())
    print(f"mean error of the steepness: {alone:.3f} alone, {within:.3f} with spatial differences")
