"""The inner loops of the layers in C, compiled for the machine at first use; without a compiler PyTorch does it all."""
