"""What an ONNX file says of the model in it."""

import json
from importlib.metadata import version

from sklearn_tl.export.answers_graph import class_names
from sklearn_tl.export.parts import Parts

PACKAGES = ("sklearn-tl", "scikit-learn", "torch", "onnx", "skl2onnx")


def metadata_of(parts: Parts) -> dict[str, str]:
    """Return the names of the answers, the network, and the versions of the packages."""
    backbone = parts.source.frozen_pass().backbone
    return {
        "task": parts.task,
        "classes": class_names(parts),
        "backbone": backbone.name,
        "backbone_fingerprint": parts.source.backbone_fingerprint_,
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
    }
