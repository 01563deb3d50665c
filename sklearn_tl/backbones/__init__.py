"""A name, a module or a factory becomes a `Backbone`: a frozen network whose layers have names.

`load_backbone` makes a `Backbone`, `list_backbones` lists the names. A `Backbone` runs its network
up to the layers that are requested, and says with its `fingerprint` and `cache_key` which network
it is. `channels_advice` says what to type if it cannot take images. `pool` makes one vector per
image of an activation. `find_classifier`, `Replicas` and `noise` help those who run or change
copies of a network.
"""

from sklearn_tl.backbones.backbone import Backbone, check_fingerprint
from sklearn_tl.backbones.catalogue import list_backbones, load_backbone
from sklearn_tl.backbones.channels import advice as channels_advice
from sklearn_tl.backbones.folding import CANNOT_TAKE
from sklearn_tl.backbones.pooling import POOLINGS, pool
from sklearn_tl.backbones.replicas import Replicas
from sklearn_tl.backbones.seeding import noise
from sklearn_tl.backbones.structure import find_classifier

__all__ = [
    "CANNOT_TAKE",
    "POOLINGS",
    "Backbone",
    "Replicas",
    "channels_advice",
    "check_fingerprint",
    "find_classifier",
    "list_backbones",
    "load_backbone",
    "noise",
    "pool",
]
