"""The registry of models."""

from __future__ import annotations

from typing import Any

from pdgn.models.channels import Channels
from pdgn.models.finite_element_network import FiniteElementNetwork
from pdgn.models.fixed_operators import FixedOperators
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.gru import GRU
from pdgn.models.local_linear import LocalLinear
from pdgn.models.meshgraphnet import MeshGraphNet
from pdgn.models.mlp import MLP
from pdgn.models.operator_network import OperatorNetwork
from pdgn.models.options import check_options, options_of, unknown
from pdgn.models.padgn import PADGN
from pdgn.models.persistence import Persistence
from pdgn.models.published_padgn import PublishedPADGN
from pdgn.models.rgn import RGN, MeshRGN, StandardRGN
from pdgn.models.sensor_ensemble import SensorEnsemble
from pdgn.models.var import VAR

MODELS: dict[str, type[ForecastModel]] = {
    "fen": FiniteElementNetwork,
    "fixed_operators": FixedOperators,
    "gru": GRU,
    "local_linear": LocalLinear,
    "meshgraphnet": MeshGraphNet,
    "mlp": MLP,
    "operator_network": OperatorNetwork,
    "padgn": PADGN,
    "padgn_published": PublishedPADGN,
    "persistence": Persistence,
    "rgn": RGN,
    "rgn_mesh": MeshRGN,
    "rgn_standard": StandardRGN,
    "sensor_ensemble": SensorEnsemble,
    "var": VAR,
}


def _model_class(name: str) -> type[ForecastModel]:
    if name not in MODELS:
        raise unknown("model", name, MODELS)
    return MODELS[name]


def model_options(name: str) -> dict[str, Any]:
    """Names and types of the options of a registered model.

    Raises:
        ValueError: unknown name.
    """
    return dict(options_of(_model_class(name)))


def build_model(name: str, channels: Channels, **options: Any) -> ForecastModel:
    """Builds a registered model.

    Args:
        name: a key of MODELS.
        channels: what the samples carry.
        options: arguments of the model's constructor.

    Raises:
        ValueError: unknown name or option, or a value out of range; one line with the nearest valid name.
        TypeError: an option of another type; one line with the option, the type wanted and what was given.
    """
    model = _model_class(name)
    check_options(name, model, options)
    return model(channels, **options)  # type: ignore[call-arg]
