"""One equation a file; `EQUATIONS` finds every one of them by itself."""

from pdgn.simulate.equations.registry import EQUATIONS, find_equations

__all__ = ["EQUATIONS", "find_equations"]
