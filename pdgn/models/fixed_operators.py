"""The recurrent core on fixed operators, the baseline that shows what learned weights add."""

from __future__ import annotations

from pdgn.models.channels import Channels
from pdgn.models.padgn import PADGN


class FixedOperators(PADGN):
    r"""PADGN's recurrent core on the reference operators (one kernel of each), everything else the same.

    .. math::
        f(t + 1) = f(t) + s \odot \delta\big(f(t), \nabla_{w^0} f(t), \Delta_{w^0} f(t), h_t\big)

    Symmetries: as :class:`PADGN`.

    Args:
        channels, hidden_channels, num_layers, operator_step, context_in_core, use_mask, increment_in_core,
            conservative, limited: as in :class:`PADGN`.
    """

    def __init__(
        self,
        channels: Channels,
        hidden_channels: int = 64,
        num_layers: int = 2,
        operator_step: bool = True,
        context_in_core: bool = True,
        use_mask: bool = False,
        increment_in_core: bool = True,
        conservative: bool = False,
        limited: bool = True,
    ) -> None:
        super().__init__(
            channels,
            weights="fixed",
            hidden_channels=hidden_channels,
            num_layers=num_layers,
            num_kernels=1,
            operator_step=operator_step,
            context_in_core=context_in_core,
            use_mask=use_mask,
            increment_in_core=increment_in_core,
            conservative=conservative,
            limited=limited,
        )
