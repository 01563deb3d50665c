"""The preprocessing of weights, as the libraries that they come from describe it."""

import math
from collections.abc import Mapping
from typing import Any

from sklearn_tl.images.preprocessing import Preprocessing

# What is read of the objects that `weights.transforms()` returns. Their class lies in a private
# module of torchvision.
PRESET_ATTRIBUTES = ("crop_size", "resize_size", "mean", "std", "interpolation")
PIL_BILINEAR = 2  # of PIL.Image.Resampling


def torchvision_preprocessing(preset: Any) -> Preprocessing:
    """Return the preprocessing that torchvision's ``weights.transforms()`` describes."""
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    return Preprocessing(
        crop=(crop, crop),
        resize=(resize, resize),
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=preset.interpolation.value,
    )


def timm_preprocessing(config: dict[str, Any]) -> Preprocessing:
    """Return the preprocessing that ``timm.data.resolve_model_data_config`` describes."""
    height, width = config["input_size"][1:]
    share = config["crop_pct"]
    interpolation = config["interpolation"]
    return Preprocessing(
        crop=(height, width),
        resize=(math.floor(height / share), math.floor(width / share)),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=interpolation if interpolation == "bilinear" else "bicubic",
        crop_mode=config.get("crop_mode", "center"),
    )


def transformers_preprocessing(processor: Any) -> Preprocessing:
    """Return the preprocessing of an image processor of the transformers library.

    Raises
    ------
    ValueError
        If the processor does anything else than to resize, crop, scale and normalise.
    """

    def sides(size: Any) -> tuple[int, int] | None:
        size = size if isinstance(size, Mapping) else dict(vars(size))
        height, width = size.get("height"), size.get("width")
        return (int(height), int(width)) if height and width else None

    size = processor.size if isinstance(processor.size, Mapping) else vars(processor.size)
    exact, shortest = sides(size), size.get("shortest_edge")
    crops = getattr(processor, "do_center_crop", False) and processor.crop_size
    crop = sides(processor.crop_size) if crops else exact
    share = getattr(processor, "crop_pct", None)
    if crop is None and share and shortest:  # ConvNeXt's
        crop, shortest = (int(shortest),) * 2, int(shortest / share)
    resize = exact or ((int(shortest),) * 2 if shortest else None)
    scale = getattr(processor, "rescale_factor", 1 / 255)
    if crop is None or resize is None or not math.isclose(scale, 1 / 255):
        raise ValueError(
            f"The image processor {type(processor).__name__} has size={processor.size}, "
            f"crop_size={getattr(processor, 'crop_size', None)} and rescale_factor={scale}. "
            "Only a size, a centre crop and a scale of 1/255 are known. Set transforms to an "
            "object with crop_size, resize_size, mean, std and interpolation, such as "
            "torchvision's presets."
        )
    normalises = getattr(processor, "do_normalize", True)
    return Preprocessing(
        crop=crop,
        resize=resize,
        mean=tuple(processor.image_mean) if normalises else (0.0,) * 3,
        std=tuple(processor.image_std) if normalises else (1.0,) * 3,
        interpolation="bilinear" if int(processor.resample) == PIL_BILINEAR else "bicubic",
        crop_mode="squash" if exact else "center",
    )
