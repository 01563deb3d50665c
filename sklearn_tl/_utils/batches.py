"""Batches of one shape, in parts that fit into the memory of a device."""

import warnings
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch

from sklearn_tl._utils.devices import empty_cache, is_out_of_memory

Result = TypeVar("Result")


def filled(batch: torch.Tensor, size: int) -> torch.Tensor:
    """Return a batch of `size` images, with zeros in the place of those that are missing.

    The shape of the whole batch decides in which order the terms of a sum are added. With one
    shape for all batches, the bits of a row depend on its own image and on no other.
    """
    if len(batch) == size:
        return batch
    return torch.cat([batch, batch.new_zeros(size - len(batch), *batch.shape[1:])])


def in_parts_that_fit(
    run: Callable[[torch.Tensor], Result],
    batch: torch.Tensor,
    known: dict[Hashable, int],
    what: Hashable,
) -> list[Result]:
    """Run a function on a batch, in smaller parts if the device has too little memory.

    Parameters
    ----------
    run : callable
        From a tensor of shape (n, ...) to a tensor or an array of n rows.
    batch : Tensor of shape (n, ...)
    known : dict
        How many images were found to fit. It is read, and written for the next batch.
    what : hashable
        The key in `known`: what is run, and on images of which size.

    Returns
    -------
    list of what `run` returned

    Raises
    ------
    MemoryError
        If the memory is too small for one image.

    Warns
    -----
    UserWarning
        If a part did not fit, with the number of images that are tried next.
    """
    parts, start = [], 0
    while start < len(batch):
        n = min(known.get(what, len(batch)), len(batch) - start)
        try:
            parts.append(run(batch[start : start + n]))
            start += n
            continue
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            # Only the text is kept, since the error holds on to the memory that was allocated.
            reason = str(error).splitlines()[0]
        if n == 1:
            raise MemoryError(
                f"The device has no memory for a single image ({reason}). Set a smaller "
                'image_size, or device="cpu".'
            )
        known[what] = -(-n // 2)
        empty_cache()
        warnings.warn(
            f"The device has no memory for {n} images at once. From now on it gets "
            f"{known[what]} at once. A batch_size of at most {known[what]} avoids this warning "
            f"({reason}).",
            stacklevel=2,
        )
    return parts
