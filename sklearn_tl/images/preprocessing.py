"""Pixels to network input: resize, centre crop, scale, normalise, as the weights were trained."""

import math
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

DRAFT = 2  # times the size that is needed: what an image must keep when it is decoded smaller


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects. `repr` is part of the cache key, so every field must say all."""

    crop: tuple | None  # (height, width) of the input; None leaves each image at its own size
    resize: tuple  # the size that the image must cover before the centre crop
    mean: tuple
    std: tuple
    interpolation: str = "bilinear"
    draft: bool = False  # whether large JPEG files are decoded at a reduced scale

    @classmethod
    def from_torchvision(cls, preset):
        """Take over what torchvision's `weights.transforms()` says."""
        (crop,), (resize,) = preset.crop_size, preset.resize_size
        return cls(
            crop=(crop, crop),
            resize=(resize, resize),
            mean=tuple(preset.mean),
            std=tuple(preset.std),
            interpolation=preset.interpolation.value,
        )

    @classmethod
    def from_timm(cls, config):
        """Take over what `timm.data.resolve_model_data_config` says."""
        height, width = config["input_size"][1:]
        interpolation = config["interpolation"]
        return cls(
            crop=(height, width),
            resize=tuple(math.floor(side / config["crop_pct"]) for side in (height, width)),
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            interpolation=interpolation if interpolation == "bilinear" else "bicubic",
        )

    @property
    def at_least(self):
        """The sides that an image must have when decoded, for what follows to be the same."""
        return DRAFT * max(self.resize) if self.draft and self.crop is not None else None

    def at(self, image_size, draft):
        """Return the same for another input size; the crop keeps the same share of the image."""
        if draft != self.draft:
            return replace(self, draft=draft).at(image_size, draft)
        if image_size is None:
            return self
        if image_size == "native":
            return replace(self, crop=None)
        crop = (image_size,) * 2 if isinstance(image_size, Integral) else tuple(image_size)
        share = self.resize[0] / self.crop[0]
        return replace(self, crop=crop, resize=tuple(round(side * share) for side in crop))

    def visible_box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return which part of an image the network sees, in pixels of that image.

        Parameters
        ----------
        height, width : int
            The size of the image in pixels, before it is resized.

        Returns
        -------
        left, top, right, bottom : float
            The edges of the part that is left after the resize and the centre crop. The image
            itself is the box ``(0, 0, width, height)``. The whole image is returned if
            ``crop=None``, and for an image of height 1, which is stretched to the crop.

        Examples
        --------
        >>> preprocessing = Preprocessing((224, 224), (256, 256), (0.5,) * 3, (0.5,) * 3)
        >>> preprocessing.visible_box(512, 1024)  # the middle 448 x 448 pixels
        (288.0, 32.0, 736.0, 480.0)
        """
        if self.crop is None or height == 1:
            return 0.0, 0.0, float(width), float(height)
        kept = _trimmed_size((height, width), self.resize)
        scaled = cover(kept, self.resize)
        edges = []
        for length, kept_length, scaled_length, crop in zip(
            (height, width), kept, scaled, self.crop, strict=True
        ):
            pixel = kept_length / scaled_length  # one pixel of the scaled image, in the original
            start = _centred(length, kept_length) + _centred(scaled_length, crop) * pixel
            edges.append((start, start + crop * pixel))
        (top, bottom), (left, right) = edges
        return left, top, right, bottom

    def __call__(self, pixels):
        """Turn pixels (..., height, width, 3) into a float32 tensor (..., 3, height, width)."""
        return self.finish(self.scale(pixels))

    def levels(self, pixels):
        """Scale and crop images: a tensor (..., height, width, 3) of levels from 0 to 255.

        What is left for `normalised` is done best where the network runs, since levels of 8 bits
        are a quarter of what it makes of them.
        """
        return self._levels(self.scale(pixels))

    def scale(self, pixels):
        """Scale images to cover the crop, as a tensor (..., 3, height, width) of their dtype."""
        image = torch.from_numpy(pixels).movedim(-1, -3)
        if self.crop is None:
            return image
        # A line of pixels is stretched: a centre crop would keep next to nothing of it.
        if image.shape[-2] == 1:
            size = self.crop
        else:
            image = _trim(image, self.resize)
            size = cover(image.shape[-2:], self.resize)
        return self.resized(image, size)

    def resized(self, image, size):
        """Return a tensor (..., 3, height, width) at another size."""
        interpolation = InterpolationMode(self.interpolation)
        return F.resize(image, size, interpolation=interpolation, antialias=True)

    def finish(self, image):
        """Crop at the centre and normalise."""
        return self.normalised(self._levels(image))

    def _levels(self, image):
        if self.crop is not None:
            image = F.center_crop(image, self.crop)
        if image.dtype != torch.uint8:
            largest = 1 if image.is_floating_point() else torch.iinfo(image.dtype).max
            image = image.to(torch.float32) * (255 / largest)
        return image.movedim(-3, -1).contiguous()

    def normalised(self, levels):
        """Return levels as network input (..., 3, height, width): float32, channels last."""
        # One new tensor and no more: a large one costs as much to get as to fill. And by whole
        # lines, since arithmetic on three numbers at a time takes six times as long.
        image = levels.to(torch.float32, copy=True)
        image = image.sub_(self._line(self.mean, image)).div_(self._line(self.std, image))
        return image.movedim(-1, -3)

    @staticmethod
    def _line(values, image):
        return torch.tensor(values, device=image.device).mul(255).repeat(image.shape[-2], 1)


def _trim(image, target):
    """Cut the ends off a very long image, which the centre crop would drop after scaling them.

    Scaled whole, an image of 2 x 6000 pixels would take half a gigabyte.
    """
    return F.center_crop(image, _trimmed_size(image.shape[-2:], target))


def _trimmed_size(size, target):
    (height, width), (target_height, target_width) = size, target
    tallest = 4 * width * target_height // target_width
    widest = 4 * height * target_width // target_height
    return [min(height, max(tallest, 1)), min(width, max(widest, 1))]


def _centred(length: int, part: int) -> int:
    """Return where torchvision's `center_crop` begins a part of a length (before 0: padding)."""
    return round((length - part) / 2) if part <= length else -((part - length) // 2)


def cover(size, target):
    """Return the smallest size in proportion to `size` that covers `target`."""
    (height, width), (target_height, target_width) = size, target
    if target_height * width >= target_width * height:
        return [target_height, int(target_height * width / height)]
    return [int(target_width * height / width), target_width]
