"""Images for training: read once, varied at random, and made network input."""

import torch
from joblib import cpu_count
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F

from sklearn_tl._utils import in_threads
from sklearn_tl.images import cover

KEEP_BYTES = 2**30  # of scaled images that wait in memory for the next epoch
SCALE = (0.35, 1.0)  # share of the image that a random crop keeps


class TrainingImages(Dataset):
    """Images and their codes as a torch dataset.

    An image is decoded and scaled once; what comes after that differs from epoch to epoch.

    Parameters
    ----------
    images : ImageSequence
    codes : ndarray of shape (n_images,)
        The classes as numbers from 0.
    preprocessing : Preprocessing
    augment : callable or None
        From `as_augmentation`.
    """

    def __init__(self, images, codes, preprocessing, augment=None):
        self.images = images
        self.y = codes  # as in datasets of skorch
        self.preprocessing = preprocessing
        self.augment = augment
        self._kept, self._free = {}, KEEP_BYTES

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.__getitems__([i])[0]

    def __getitems__(self, indices):
        """Return a batch: torch's loader asks for all of it at once."""
        batch = []
        # Only the decoding is in threads: what is random must come in the same order each time.
        scaled = in_threads(self._scaled, indices, cpu_count(), ahead=len(indices))
        for i, image in zip(indices, scaled, strict=True):
            batch.append((self._varied(image, i), self.y[i]))
        if len({tensor.shape for tensor, _ in batch}) > 1:
            raise ValueError(
                'With image_size="native" layers of the network can only be trained on images of '
                "one size, and these differ. Set an image_size, or take unfreeze=None."
            )
        return batch

    def _scaled(self, i):
        if i in self._kept:
            return self._kept[i]
        pixels = self.images.open(i).decode(self.preprocessing.at_least)
        image = self.preprocessing.scale(pixels)
        if image.nbytes <= self._free:
            self._free -= image.nbytes
            self._kept[i] = image
        return image

    def _varied(self, image, i):
        if self.augment is None:
            return self.preprocessing.finish(image)
        is_8_bit = image.dtype == torch.uint8
        where = f"augment, applied to X[{self.images.position(i)}],"
        try:
            varied = self.augment(F.to_pil_image(image) if is_8_bit else image.clone())
        except Exception as error:
            error.add_note(f"in {where} which got {'a PIL image' if is_8_bit else 'a tensor'}")
            raise
        varied = _as_tensor(varied, where)
        if is_8_bit and varied.is_floating_point() and not -1 < varied.min() <= varied.max() < 2:
            raise ValueError(
                f"{where} returned values from {varied.min():.3g} to {varied.max():.3g}, but "
                "floats are to run from 0 to 1. Leave Normalize out: it is done afterwards."
            )
        crop = self.preprocessing.crop
        if crop is not None and (varied.shape[1] < crop[0] or varied.shape[2] < crop[1]):
            varied = self.preprocessing.resized(varied, cover(varied.shape[1:], crop))
        return self.preprocessing.finish(varied)


def as_augmentation(augment, preprocessing):
    """Return the callable that the parameter `augment` stands for.

    Parameters
    ----------
    augment : "standard", callable or None
    preprocessing : Preprocessing
    """
    if augment != "standard":
        return augment
    flip = v2.RandomHorizontalFlip()
    if preprocessing.crop is None:
        return flip
    interpolation = InterpolationMode(preprocessing.interpolation)
    crop = v2.RandomResizedCrop(preprocessing.crop, scale=SCALE, interpolation=interpolation)
    return v2.Compose([crop, flip])


def _as_tensor(varied, where):
    """Return what a user's callable made of an image as a tensor (3, height, width)."""
    if isinstance(varied, Image.Image):
        return F.pil_to_tensor(varied.convert("RGB"))
    if not isinstance(varied, torch.Tensor):
        raise TypeError(
            f"{where} returned {type(varied).__name__}, but should return a PIL image or a tensor "
            "(3, height, width)."
        )
    if varied.ndim != 3 or varied.shape[0] != 3:
        raise ValueError(
            f"{where} returned a tensor of shape {tuple(varied.shape)}, but an image is "
            "(3, height, width)."
        )
    return varied
