"""Training images: read once, varied at random in each epoch, and turned into network input."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from joblib import cpu_count
from PIL import Image
from torch.utils.data import Dataset

from sklearn_tl._utils import in_threads
from sklearn_tl.images import ImageSequence, Preprocessing

KEEP_BYTES = 2**30  # of scaled images that are kept in memory for the next epoch
SCALE = (0.35, 1.0)  # share of the image in a random crop


class TrainingImages(Dataset):
    """Images and their targets as a torch dataset.

    Each image is decoded and scaled once. The steps after that differ from epoch to epoch.

    Parameters
    ----------
    images : ImageSequence
    y : ndarray of shape (n_images,)
        Targets: for classes, their codes from 0.
    preprocessing : Preprocessing
    augment : callable or None
        From `as_augmentation`.
    """

    def __init__(
        self,
        images: ImageSequence,
        y: np.ndarray,
        preprocessing: Preprocessing,
        augment: Callable | None = None,
    ) -> None:
        self.images = images
        self.y = y
        self.preprocessing = preprocessing
        self.augment = augment
        self._kept: dict[int, torch.Tensor] = {}
        self._free = KEEP_BYTES

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, Any]:
        return self.__getitems__([i])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[torch.Tensor, Any]]:
        """Return a batch. torch's loader asks for a whole batch at once."""
        # Only the decoding is in threads. Random steps must come in the same order each time.
        unread = [i for i in dict.fromkeys(indices) if i not in self._kept]  # may be drawn twice
        scaled = in_threads(self._scaled, unread, cpu_count(), ahead=len(unread))
        read = dict(zip(unread, scaled, strict=True))
        batch = [
            (self._varied(read[i] if i in read else self._kept[i], i), self.y[i]) for i in indices
        ]
        if len({tensor.shape for tensor, _ in batch}) > 1:
            raise ValueError(
                'With image_size="native", layers can only be trained on images of one size, but '
                "these images differ in size. Set an image_size, or set unfreeze=None."
            )
        return batch

    def _scaled(self, i: int) -> torch.Tensor:
        pixels = self.images.open(i).decode(self.preprocessing.at_least)
        image = self.preprocessing.scale(pixels)
        if image.nbytes <= self._free:
            self._free -= image.nbytes
            self._kept[i] = image
        return image

    def _varied(self, image: torch.Tensor, i: int) -> torch.Tensor:
        if self.augment is None:
            return self.preprocessing.finish(image)
        is_8_bit = image.dtype == torch.uint8
        is_picture = is_8_bit and image.shape[0] == 3
        where = f"augment, applied to X[{self.images.position(i)}],"
        try:
            varied = self.augment(_as_picture(image) if is_picture else image.clone())
        except Exception as error:
            kind = "a PIL image" if is_picture else "a tensor"
            error.add_note(f"in {where} which was called with {kind}")
            raise
        varied = _as_tensor(varied, where, image.shape[0])
        if is_8_bit and varied.is_floating_point() and not -1 < varied.min() <= varied.max() < 2:
            raise ValueError(
                f"{where} returned values from {varied.min():.3g} to {varied.max():.3g}, but "
                "floats must be in [0, 1]. Leave Normalize out: images are normalised afterwards."
            )
        crop = self.preprocessing.crop
        if crop is not None and (varied.shape[1] < crop[0] or varied.shape[2] < crop[1]):
            varied = self.preprocessing.resized(
                varied, self.preprocessing.scaled_size(varied.shape[1:], crop)
            )
        return self.preprocessing.finish(varied)


def as_augmentation(
    augment: str | Callable | None, preprocessing: Preprocessing
) -> Callable | None:
    """Return the callable that the parameter `augment` stands for, or None.

    Parameters
    ----------
    augment : "standard", callable or None
    preprocessing : Preprocessing
    """
    if not isinstance(augment, str):
        return augment
    from torchvision.transforms import InterpolationMode, v2  # takes seconds to import

    flip = v2.RandomHorizontalFlip()
    if preprocessing.crop is None:
        return flip
    interpolation = InterpolationMode(preprocessing.interpolation)
    crop = v2.RandomResizedCrop(preprocessing.crop, scale=SCALE, interpolation=interpolation)
    return v2.Compose([crop, flip])


def _as_picture(image: torch.Tensor) -> Image.Image:
    """Return levels of 8 bits (3, height, width) as a PIL image."""
    return Image.fromarray(image.movedim(0, -1).contiguous().numpy())


def _as_tensor(varied: Any, where: str, n_channels: int) -> torch.Tensor:
    """Return the result of a user's callable as a tensor (n_channels, height, width)."""
    if isinstance(varied, Image.Image):
        return torch.from_numpy(np.array(varied.convert("RGB"))).movedim(-1, 0)
    if not isinstance(varied, torch.Tensor):
        raise TypeError(
            f"{where} returned {type(varied).__name__}, but must return a PIL image or a tensor "
            f"({n_channels}, height, width)."
        )
    if varied.ndim != 3 or varied.shape[0] != n_channels:
        raise ValueError(
            f"{where} returned a tensor of shape {tuple(varied.shape)}, but an image must be "
            f"({n_channels}, height, width)."
        )
    return varied
