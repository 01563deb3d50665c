"""Every private name of torch and torchvision that this package uses, in one place.

`tests/_utils/test_private.py` fails if a new version has moved one of them. The private names of
scikit-learn are in `validation.py`.
"""

import torch

# Tell whether the processor computes in bfloat16. Some versions of torch have only one of them.
CPU_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor computes in bfloat16."""
    return any(getattr(torch.cpu, name, bool)() for name in CPU_BFLOAT16)
