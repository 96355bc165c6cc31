"""The networks that weights can be of."""

from __future__ import annotations

from myomotion.networks.described import Described
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.recurrent import RecurrentMotionNet
from myomotion.networks.siamese import SiameseMotionNet
from myomotion.networks.ventricles import VentricleNet

CLASSES: tuple[type[Described], ...] = (
    RecurrentMotionNet,
    SiameseMotionNet,
    GradientVAE,
    VentricleNet,
)
NETWORKS: dict[str, type[Described]] = {network.__name__: network for network in CLASSES}
