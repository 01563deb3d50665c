"""A name, a module or a factory becomes a `Backbone`: a frozen network whose layers have names."""

from sklearn_tl.backbones.backbone import Backbone, check_fingerprint
from sklearn_tl.backbones.catalogue import list_backbones, load_backbone
from sklearn_tl.backbones.folding import CANNOT_TAKE, Replicas, noise
from sklearn_tl.backbones.pooling import POOLINGS, pool
from sklearn_tl.backbones.structure import find_classifier

__all__ = [
    "CANNOT_TAKE",
    "POOLINGS",
    "Backbone",
    "Replicas",
    "check_fingerprint",
    "find_classifier",
    "list_backbones",
    "load_backbone",
    "noise",
    "pool",
]
