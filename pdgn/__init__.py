"""Physics-aware difference graph networks: learn dynamics on triangle meshes and sparse sensors."""

from pdgn.version import __version__

__all__ = ["__version__"]
