"""Pixels become network input: resized, cropped at the centre, scaled and normalised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Integral
from typing import Self

import numpy as np
import torch
from torch import nn

from sklearn_tl._utils import register_release
from sklearn_tl.images.tiling import tile_boxes

# torch's own functions are used where torchvision has some for this: importing torchvision
# takes seconds in every process, also in those of `n_jobs`. The results are the same bits.

# What users call the ways to fill the input, and what timm calls them, if it does.
CROP_MODES = {"pad": "border", "squash": "squash", "tiles": "tiles"}
DRAFT = 2  # an image decoded at a reduced size keeps this many times the size that is needed


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing with which the weights of a network were trained.

    The `repr` is part of the cache key, so the fields must say everything that changes the input.

    Parameters
    ----------
    crop : tuple of (height, width) or None
        The size of the input in pixels. None keeps each image at its own size.
    resize : tuple of (height, width)
        The size in pixels that an image is scaled to cover before it is cropped at the centre.
    mean, std : tuple of float
        The mean and the standard deviation of each channel, for pixels from 0 to 1.
    interpolation : {"bilinear", "bicubic"}, default="bilinear"
        How images are scaled; always with antialiasing.
    draft : bool, default=False
        Whether large JPEG files are decoded at a reduced size.
    crop_mode : {"center", "squash", "border", "tiles"}, default="center"
        How an image becomes as large as `resize`, as timm names it: it is scaled to cover that
        size, it is stretched to it, or it is scaled to fit into it. In the last case the rest of
        the input has the colour `mean`. "tiles" is not known to timm: an image is cut into `tiles`
        of the shape of the input, and each of them is scaled to it.

    Examples
    --------
    >>> import numpy as np
    >>> preprocessing = Preprocessing((224, 224), (256, 256), (0.5,) * 3, (0.5,) * 3)
    >>> preprocessing(np.zeros((300, 400, 3), dtype=np.uint8)).shape
    torch.Size([3, 224, 224])
    """

    crop: tuple[int, int] | None
    resize: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    draft: bool = False
    crop_mode: str = "center"

    @property
    def n_channels(self) -> int:
        """The number of channels of an image."""
        return len(self.mean)

    def of_channels(self, n_channels: int) -> Self:
        """Return the same preprocessing for another number of channels.

        The statistics of RGB are repeated. One channel gets their mean.
        """
        if n_channels == self.n_channels:
            return self

        def repeated(values: tuple[float, ...]) -> tuple[float, ...]:
            if n_channels == 1:
                return (sum(values) / len(values),)
            return tuple(values[i % len(values)] for i in range(n_channels))

        return replace(self, mean=repeated(self.mean), std=repeated(self.std))

    @property
    def at_least(self) -> int | None:
        """The size that both sides of a decoded image must keep; None means the full size."""
        return DRAFT * max(self.resize) if self.draft and self.crop is not None else None

    def at(self, image_size: int | Sequence[int] | str | None, draft: bool) -> Self:
        """Return the same preprocessing at another input size.

        Parameters
        ----------
        image_size : int, (height, width), "native" or None
            The size of the input in pixels. "native" keeps each image at its own size, and None
            keeps the size of the weights. The crop keeps its share of the image.
        draft : bool
            Whether large JPEG files are decoded at a reduced size.
        """
        if draft != self.draft:
            return replace(self, draft=draft).at(image_size, draft)
        if image_size is None:
            return self
        if isinstance(image_size, str):  # "native"
            return replace(self, crop=None)
        sides = (image_size,) * 2 if isinstance(image_size, int | Integral) else image_size
        height, width = map(int, sides)
        assert self.crop is not None, "the share of the image is not known any more"
        share = self.resize[0] / self.crop[0]
        return replace(
            self, crop=(height, width), resize=(round(height * share), round(width * share))
        )

    def resized_by(self, resize_mode: str) -> Self:
        """Return the same preprocessing, with another way to fill the input.

        Parameters
        ----------
        resize_mode : {"crop", "pad", "squash", "tiles"}
            "crop" leaves the preprocessing of the weights as it is. The others use the whole image
            and the whole input.
        """
        if resize_mode == "crop":
            return self
        assert self.crop is not None, "an image of its own size fills its input"
        return replace(self, resize=self.crop, crop_mode=CROP_MODES[resize_mode])

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
            ``crop=None``, for tiles, and for an image of height 1, which is stretched to the crop.

        Examples
        --------
        >>> preprocessing = Preprocessing((224, 224), (256, 256), (0.5,) * 3, (0.5,) * 3)
        >>> preprocessing.visible_box(512, 1024)  # the middle 448 x 448 pixels
        (288.0, 32.0, 736.0, 480.0)
        """
        if self.crop is None or height == 1 or self.crop_mode == "tiles":
            return 0.0, 0.0, float(width), float(height)
        kept = self._kept_size((height, width))
        scaled = self.scaled_size(kept, self.resize)
        edges = []
        for length, kept_length, scaled_length, crop in zip(
            (height, width), kept, scaled, self.crop, strict=True
        ):
            pixel = kept_length / scaled_length  # one pixel of the scaled image, in the original
            start = _centred(length, kept_length) + _centred(scaled_length, crop) * pixel
            edges.append((start, start + crop * pixel))
        (top, bottom), (left, right) = edges
        return left, top, right, bottom

    def visible_share(self, height: int, width: int) -> float:
        """Return the share of an image's area that the network sees, from 0 to 1.

        Parameters
        ----------
        height, width : int
            The size of the image in pixels, before it is resized.
        """
        boxes: Sequence[tuple[float, ...]] = [self.visible_box(height, width)]
        if self.crop is not None and height > 1 and self.crop_mode == "tiles":
            boxes = tile_boxes(height, width, self.crop)
            if len(boxes) == 1:  # what one tile leaves out is not worth another one
                return 1.0
        areas = (
            (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0))
            for left, top, right, bottom in boxes
        )
        return min(1.0, sum(areas) / (height * width))

    def tiles(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Return the parts of one image, each of which is an input of the network.

        Parameters
        ----------
        pixels : ndarray of shape (height, width, n_channels)

        Returns
        -------
        tiles : list of ndarray of shape (tile_height, tile_width, n_channels)
            The image itself, unless the crop mode is "tiles".
        """
        if self.crop is None or self.crop_mode != "tiles" or len(pixels) == 1:
            return [pixels]
        height, width = pixels.shape[:2]
        boxes = tile_boxes(height, width, self.crop)
        # Contiguous as other images are, so that the same bits come out of the same pixels.
        return [
            np.ascontiguousarray(pixels[top:bottom, left:right])
            for left, top, right, bottom in boxes
        ]

    def __call__(self, pixels: np.ndarray) -> torch.Tensor:
        """Return pixels (..., height, width, n_channels) as the input of a network.

        Raises
        ------
        ValueError
            If the crop mode is "tiles", with which an image is not one input.
        """
        if self.crop_mode == "tiles":
            raise ValueError(
                'With resize_mode="tiles" there are no activation maps, since an image is several '
                'inputs of the network. Set resize_mode="pad" or "squash".'
            )
        return self.finish(self.scale(pixels))

    def levels(self, pixels: np.ndarray) -> torch.Tensor:
        """Return images, scaled and cropped, as levels (..., height, width, n_channels) to 255.

        The remaining step, `normalised`, is best done on the device of the network, since levels
        of 8 bits take a quarter of the memory of its result.
        """
        return self._levels(self.scale(pixels))

    def scale(self, pixels: np.ndarray) -> torch.Tensor:
        """Return images scaled to cover the crop, as (..., n_channels, height, width)."""
        image = torch.from_numpy(pixels).movedim(-1, -3)
        if self.crop is None:
            return image
        if image.shape[-2] == 1:
            # One line of pixels is stretched: a centre crop would keep next to nothing of it.
            return self.resized(image, self.crop)
        image = _center_crop(image, self._kept_size(image.shape[-2:]))
        image = self.resized(image, self.scaled_size(image.shape[-2:], self.resize))
        if self.crop_mode == "border" and self.resize == self.crop:
            # Already here, so that augmentation gets what the network sees without it.
            return self._bordered(image)
        return image

    def scaled_size(self, size: Sequence[int], target: Sequence[int]) -> list[int]:
        """Return the (height, width) to which an image is scaled for a target (height, width)."""
        (height, width), (target_height, target_width) = size, target
        if self.crop_mode in ("squash", "tiles"):  # a tile has the shape of the target
            return [target_height, target_width]
        if self.crop_mode == "border":
            ratio = max(height / target_height, width / target_width)
            return [max(1, round(height / ratio)), max(1, round(width / ratio))]
        if target_height * width >= target_width * height:  # cover it
            return [target_height, int(target_height * width / height)]
        return [int(target_width * height / width), target_width]

    def resized(self, image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """Return a tensor (..., n_channels, height, width) at another size (height, width)."""
        if list(image.shape[-2:]) == list(size):
            return image
        batch = image.reshape(-1, *image.shape[-3:])
        if len(batch) == 1 and batch.is_contiguous(memory_format=torch.channels_last):
            # Otherwise torch cannot tell the format of a single image, and would copy it.
            batch = batch.as_strided(batch.shape, (batch.numel(), *batch.stride()[1:]))
        resized = nn.functional.interpolate(
            batch, list(size), mode=self.interpolation, align_corners=False, antialias=True
        )
        return resized.reshape(*image.shape[:-2], *size)

    def finish(self, image: torch.Tensor) -> torch.Tensor:
        """Return scaled images (..., n_channels, height, width), cropped and normalised."""
        return self.normalised(self._levels(image))

    def normalised(self, levels: torch.Tensor) -> torch.Tensor:
        """Return levels as input (..., n_channels, height, width): float32, channels last."""
        # A single new tensor is made, since allocating a large one takes as long as filling it.
        # The arithmetic is on whole lines, since on three numbers at a time it takes six times as
        # long.
        image = levels.to(torch.float32, copy=True)
        lines = [_line(values, image.shape[-2], image.device) for values in (self.mean, self.std)]
        image = image.sub_(lines[0]).div_(lines[1])
        return image.movedim(-1, -3)

    def _levels(self, image: torch.Tensor) -> torch.Tensor:
        if self.crop is not None:
            image = self._bordered(_center_crop(image, self.crop, pad=self.crop_mode != "border"))
        if image.dtype != torch.uint8:
            largest = 1 if image.is_floating_point() else torch.iinfo(image.dtype).max
            image = image.to(torch.float32) * (255 / largest)
        return image.movedim(-3, -1).contiguous()

    def _kept_size(self, size: Sequence[int]) -> list[int]:
        """Return how much of a very long image is kept before it is scaled.

        The centre crop drops the rest anyway. Scaled whole, an image of 2 x 6000 pixels would take
        half a gigabyte.
        """
        (height, width), (target_height, target_width) = size, self.resize
        if self.crop_mode != "center":
            return [height, width]
        tallest = 4 * width * target_height // target_width
        widest = 4 * height * target_width // target_height
        return [min(height, max(tallest, 1)), min(width, max(widest, 1))]

    def _bordered(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (..., n_channels, height, width) in the middle of the colour `mean`."""
        assert self.crop is not None
        height, width = image.shape[-2:]
        if (height, width) == self.crop:
            return image
        largest = 1 if image.is_floating_point() else torch.iinfo(image.dtype).max
        # As timm does, in whole levels of 8 bits.
        levels = torch.tensor([round(255 * value) / 255 * largest for value in self.mean])
        canvas = levels.to(image.dtype)[:, None, None].expand(*image.shape[:-2], *self.crop).clone()
        top, left = (self.crop[0] - height) // 2, (self.crop[1] - width) // 2
        canvas[..., top : top + height, left : left + width] = image
        return canvas


@lru_cache(maxsize=64)  # making it takes longer than normalising a small image
def _line(values: tuple[float, ...], width: int, device: torch.device) -> torch.Tensor:
    """Return one value per channel, in levels from 0 to 255, for each pixel of a line."""
    return torch.tensor(values, device=device).mul(255).repeat(width, 1)


register_release(_line.cache_clear)  # it may lie on a GPU

# What torchvision's ImageNet weights were trained with.
IMAGENET = Preprocessing((224, 224), (256, 256), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _center_crop(image: torch.Tensor, size: Sequence[int], pad: bool = True) -> torch.Tensor:
    """Return the centre of an image (..., height, width).

    If the image is smaller, it lies on black, or with `pad=False` it stays smaller.
    """
    (height, width), (crop_height, crop_width) = image.shape[-2:], size
    if not pad:
        crop_height, crop_width = min(height, crop_height), min(width, crop_width)
    rows, columns = max(crop_height - height, 0), max(crop_width - width, 0)
    if rows or columns:
        padding = [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]
        image = nn.functional.pad(image, padding)
    top, left = _centred(image.shape[-2], crop_height), _centred(image.shape[-1], crop_width)
    return image[..., top : top + crop_height, left : left + crop_width]


def _centred(length: int, part: int) -> int:
    """Return where torchvision's `center_crop` begins a part of a length (before 0: padding)."""
    return round((length - part) / 2) if part <= length else -((part - length) // 2)
