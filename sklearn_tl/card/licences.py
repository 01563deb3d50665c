"""Under which licence the weights of a backbone may be used, as far as that is known here."""

import os
from typing import Any

BUNDLED = "efficientnet_lite"
SWAG = "CC BY-NC 4.0 ({})"
OF_TORCHVISION = (
    "not stated by torchvision, which warns that weights may have terms that come from the data "
    "that they were trained on"
)
UNKNOWN = "unknown"


def licence_of(backbone: Any, weights: str | os.PathLike[str] | None) -> str:
    """Return the licence of a backbone's weights, or why it is not known.

    Nothing is downloaded, and no network is built.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable
    weights : str, path or None
        As estimators have them.

    Returns
    -------
    licence : str

    Examples
    --------
    >>> licence_of("efficientnet_lite0", "default"), licence_of("resnet18", "mine.pth")
    ('Apache 2.0', 'unknown (weights from a file)')
    """
    if not isinstance(backbone, str):
        return f"{UNKNOWN} (your own network)"
    if weights is None:
        return "none needed (random weights)"
    if not isinstance(weights, str) or os.path.splitext(weights)[1]:
        return f"{UNKNOWN} (weights from a file)"
    if backbone.startswith(BUNDLED):
        return "Apache 2.0"
    if backbone.startswith("timm/"):
        return _of_timm(backbone.removeprefix("timm/"))
    return _of_torchvision(backbone, weights)


def forbids_commerce(licence: str) -> bool:
    """Return whether a licence is one of those that forbid commercial use."""
    words = licence.lower().replace(" ", "-")
    return "-nc-" in words or words.endswith("-nc")


def is_unknown(licence: str) -> bool:
    """Return whether a licence has to be looked up."""
    return licence.startswith((UNKNOWN, "not stated"))


def _of_timm(name: str) -> str:
    try:
        import timm
    except ImportError:  # the model may have come from another machine
        return f"{UNKNOWN} (timm is not installed)"
    config = timm.get_pretrained_cfg(name)
    stated = None if config is None else config.license
    return stated or f"{UNKNOWN} (not stated by timm)"


def _of_torchvision(name: str, weights: str) -> str:
    import torchvision.models  # takes a second, and few models need it

    try:
        choices = torchvision.models.get_model_weights(name)
        chosen = choices.DEFAULT if weights == "default" else choices[weights]
    except (KeyError, ValueError):  # a name that fit will refuse
        return UNKNOWN
    link = chosen.meta.get("license")
    return SWAG.format(link) if link else OF_TORCHVISION
