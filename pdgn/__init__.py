"""Physics-aware difference graph networks: learn dynamics on triangle meshes and sparse sensors."""

from __future__ import annotations

from typing import Any

from pdgn.version import __version__

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    # Late, so that `import pdgn.nn` needs torch and PyG alone.
    if name == "load":
        from pdgn.prediction import load

        return load
    raise AttributeError(f"module 'pdgn' has no attribute '{name}'")
