"""Where networks run and in which numbers: processors, graphics processors, bfloat16."""

import warnings

import torch

_OUT_OF_MEMORY = "out of memory"  # in the message of every kind of device


def resolve_device(device):
    """Return the torch device that the parameter `device` stands for."""
    if device != "auto":
        try:
            device = torch.device(device)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:  # torch: unknown, or not on this machine
            raise ValueError(
                f"device={str(device)!r} cannot be used here ({str(error).splitlines()[0]}). Take "
                '"auto", or "cpu".'
            ) from error
        return str(device)
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_precision(precision, device):
    """Return the precision that "auto" stands for: bfloat16 where it is in the hardware."""
    if precision != "auto":
        return precision
    kind = kind_of(device)
    if kind == "cuda":
        in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Older versions of torch lack one or the other.
        names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        in_hardware = kind == "cpu" and any(getattr(torch.cpu, name, bool)() for name in names)
    return "bfloat16" if in_hardware else "float32"


def kind_of(device):
    """Return "cpu", "cuda", "mps", ..."""
    return torch.device(device).type


def autocast(device, precision):
    """Return a context in which networks compute in a precision."""
    return torch.autocast(kind_of(device), torch.bfloat16, enabled=precision == "bfloat16")


def moved(batch, device):
    """Return a batch on a device."""
    if kind_of(device) == "cuda":  # from pinned memory, whose copy the processor need not wait for
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def in_parts_that_fit(run, batch, known, what):
    """Run a function on a batch, in smaller parts where a device has no memory for all of it.

    Parameters
    ----------
    run : callable
        From a tensor (n, ...) to a tensor or an array of n rows.
    batch : Tensor of shape (n, ...)
    known : dict
        Notes of how many were found to fit, for the next batch.
    what : hashable
        The key in `known`: what is run, and on images of which size.

    Returns
    -------
    list of what `run` returned

    Raises
    ------
    MemoryError
        If there is no memory for one image.
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
            # No more than the text: the error holds on to the memory that was taken.
            said = str(error).splitlines()[0]
        if n == 1:
            raise MemoryError(
                f"The device has no memory for a single image ({said}). Set a smaller image_size, "
                'or device="cpu".'
            )
        known[what] = -(-n // 2)
        empty_cache()
        warnings.warn(
            f"The device has no memory for {n} images at once, and gets {known[what]} from now on: "
            f"a smaller batch_size than that saves the attempt ({said}).",
            stacklevel=2,
        )
    return parts


def is_out_of_memory(error):
    """Whether a RuntimeError of torch says that a device's memory is full."""
    return _OUT_OF_MEMORY in str(error).lower()


def empty_cache():
    """Give back what torch keeps of a device's memory."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
