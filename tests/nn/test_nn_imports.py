"""pdgn.nn stands on torch and PyTorch Geometric alone."""

from __future__ import annotations

import ast
import subprocess
import sys

PROGRAM = """
import sys
import torch, torch_geometric.data, torch_geometric.nn, torch_geometric.utils
before = set(sys.modules)
import pdgn.nn
new = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(sorted(new - {"torch", "torch_geometric"}))
print(sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("pdgn.")}))
print("h5py" in sys.modules)
"""


def test_importing_the_layers_loads_nothing_else():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = run.stdout.split("\n")
    assert lines[0] == "['pdgn']"
    assert set(ast.literal_eval(lines[1])) <= {"pdgn.nn", "pdgn.version"}
    assert lines[2] == "False"
