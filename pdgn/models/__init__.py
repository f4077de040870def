"""Forecast models: PA-DGN, its variants and its baselines, all behind one registry."""

from pdgn.models.channels import Channels
from pdgn.models.closed_form_model import ClosedFormModel
from pdgn.models.finite_element_network import FENState, FiniteElementNetwork
from pdgn.models.fixed_operators import FixedOperators
from pdgn.models.forecast_model import ForecastModel
from pdgn.models.gru import GRU
from pdgn.models.local_linear import LocalLinear
from pdgn.models.meshgraphnet import MeshGraphNet, MeshGraphNetState
from pdgn.models.mlp import MLP
from pdgn.models.operator_network import OperatorNetwork, OperatorState
from pdgn.models.padgn import PADGN, PADGNState
from pdgn.models.persistence import Persistence
from pdgn.models.published_padgn import PublishedPADGN, PublishedState
from pdgn.models.registry import MODELS, build_model, model_options
from pdgn.models.rgn import RGN, MeshRGN, StandardRGN
from pdgn.models.sensor_ensemble import EnsembleState, SensorEnsemble
from pdgn.models.var import VAR

__all__ = [
    "GRU",
    "MLP",
    "MODELS",
    "OperatorNetwork",
    "OperatorState",
    "PADGN",
    "RGN",
    "VAR",
    "Channels",
    "ClosedFormModel",
    "EnsembleState",
    "FENState",
    "FiniteElementNetwork",
    "FixedOperators",
    "ForecastModel",
    "LocalLinear",
    "MeshGraphNet",
    "MeshGraphNetState",
    "MeshRGN",
    "PADGNState",
    "Persistence",
    "PublishedPADGN",
    "PublishedState",
    "SensorEnsemble",
    "StandardRGN",
    "build_model",
    "model_options",
]
