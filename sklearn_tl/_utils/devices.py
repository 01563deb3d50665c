"""Where networks run, and in which precision: processors, graphics processors, bfloat16."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sklearn_tl._utils.private import cpu_has_bfloat16

_OUT_OF_MEMORY = "out of memory"  # in the messages of all kinds of device

# What torch may round to TF32 on a GPU of Nvidia.
ROUNDED = (
    torch.backends.cudnn.conv,  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn,
    torch.backends.cuda.matmul,
)
_exact_passes = threading.Lock()
_n_exact_passes = 0
_rounding_before: list[str] = []


def resolve_device(device: str | torch.device) -> str:
    """Return the name of the torch device that the parameter `device` stands for.

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    if device != "auto":
        try:
            device = torch.device(device)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"device={str(device)!r} cannot be used here ({str(error).splitlines()[0]}). Set "
                'device="auto" or device="cpu".'
            ) from error
        return str(device)
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def resolve_precision(precision: str, device: str) -> str:
    """Return the precision that "auto" stands for: bfloat16 if the hardware computes in it."""
    if precision != "auto":
        return precision
    kind = kind_of(device)
    if kind == "cuda":
        in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        in_hardware = kind == "cpu" and cpu_has_bfloat16()
    return "bfloat16" if in_hardware else "float32"


def kind_of(device: str) -> str:
    """Return "cpu", "cuda", "mps", ... without the number of the device."""
    return torch.device(device).type


def autocast(device: str, precision: str) -> torch.autocast:
    """Return a context in which networks compute in a precision."""
    return torch.autocast(kind_of(device), torch.bfloat16, enabled=precision == "bfloat16")


@contextmanager
def without_tf32(device: str) -> Iterator[None]:
    """Keep a GPU from rounding float32 to TF32 until the block ends.

    TF32 has 10 bits of fraction. The row of an image would then depend on the other images of its
    batch in the third digit, and a model would see other rows on a GPU than on a processor.

    The setting belongs to the whole process, so that the last of several blocks resets it.
    """
    global _n_exact_passes
    if kind_of(device) != "cuda":
        yield
        return
    with _exact_passes:
        if _n_exact_passes == 0:
            _rounding_before[:] = [operation.fp32_precision for operation in ROUNDED]
            _set_rounding(["ieee"] * len(ROUNDED))
        _n_exact_passes += 1
    try:
        yield
    finally:
        with _exact_passes:
            _n_exact_passes -= 1
            if _n_exact_passes == 0:
                _set_rounding(_rounding_before)


def _set_rounding(precisions: list[str]) -> None:
    for operation, precision in zip(ROUNDED, precisions, strict=True):
        operation.fp32_precision = precision


def moved(batch: torch.Tensor, device: str) -> torch.Tensor:
    """Return a batch on a device."""
    if kind_of(device) == "cuda":  # the processor does not wait for a copy of pinned memory
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of torch says that the memory of a device is full."""
    return _OUT_OF_MEMORY in str(error).lower()


def empty_cache() -> None:
    """Give back the memory of a device that torch keeps for later use."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
