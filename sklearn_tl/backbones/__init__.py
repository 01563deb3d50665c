"""A name, a module or a factory becomes a `Backbone`: a frozen network whose layers have names.

`load_backbone` makes a `Backbone`, `list_backbones` lists the names. A `Backbone` runs its network
up to the layers that are requested, and says with its `fingerprint` and `cache_key` which network
it is. `what_to_type` says what to type if it cannot take images. `embedding_of` finds the
embedding in what a network without a classifier returns. `Replicas` and `noise` help those who run
or change copies of a network. `find_pairs`, `folded_tensors` and `remove_norms` help those who
train a network without its BatchNorms.
"""

from sklearn_tl.backbones.advice import what_to_type
from sklearn_tl.backbones.backbone import Backbone, check_fingerprint
from sklearn_tl.backbones.catalogue import list_backbones, load_backbone
from sklearn_tl.backbones.folding import find_pairs, folded_tensors, remove_norms
from sklearn_tl.backbones.pooling import POOLINGS, LayerError, embedding_of
from sklearn_tl.backbones.replicas import Replicas
from sklearn_tl.backbones.seeding import noise

__all__ = [
    "POOLINGS",
    "Backbone",
    "LayerError",
    "Replicas",
    "check_fingerprint",
    "embedding_of",
    "find_pairs",
    "folded_tensors",
    "list_backbones",
    "load_backbone",
    "noise",
    "remove_norms",
    "what_to_type",
]
