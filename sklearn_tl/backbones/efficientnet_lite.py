"""EfficientNet-Lite, the network whose weights come with the package.

Tan & Le, "EfficientNet: Rethinking Model Scaling for CNNs" (ICML 2019). Google released this
variant for small devices in 2020. It has ReLU6 instead of Swish, no squeeze-and-excitation, and a
stem and a last convolution that do not grow with the network.
"""

from collections.abc import Mapping
from math import ceil

import torch
import torch.nn.functional as F
from torch import nn

# One line per stage: expansion, channels, blocks, stride, kernel.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
# Width factor, depth factor and the side in pixels of the training images.
VARIANTS = {
    "efficientnet_lite0": (1.0, 1.0, 224),
    "efficientnet_lite1": (1.0, 1.1, 240),
    "efficientnet_lite2": (1.1, 1.2, 260),
}


class Conv2dSame(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: the far side gets the odd pixel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding: list[int] = []
        for size, kernel, stride in zip(
            x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            total = max((ceil(size / stride) - 1) * stride + kernel - size, 0)
            padding += [total // 2, total - total // 2]
        return super().forward(F.pad(x, padding))


def conv_norm(
    n_in: int,
    n_out: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Build a convolution, a BatchNorm and, with `activation`, a ReLU6."""
    if stride == 1:  # "same" padding has two equal sides, and the plain convolution does it
        conv = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, groups=groups, bias=False)
    else:
        conv = Conv2dSame(n_in, n_out, kernel, stride, groups=groups, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(n_out, eps=1e-3, momentum=0.01)]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if activation else nn.Sequential(*layers)


class InvertedResidual(nn.Sequential):
    """The block of MobileNet V2: expand, filter each channel separately, project back."""

    def __init__(self, n_in: int, n_out: int, expansion: int, kernel: int, stride: int) -> None:
        wide = n_in * expansion
        super().__init__(
            *([conv_norm(n_in, wide)] if expansion > 1 else []),
            conv_norm(wide, wide, kernel, stride, groups=wide),
            conv_norm(wide, n_out, activation=False),
        )
        self.residual = stride == 1 and n_in == n_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite with the classifier of ImageNet's 1000 classes."""

    def __init__(self, width: float, depth: float, n_classes: int = 1000) -> None:
        super().__init__()
        self.conv_stem = conv_norm(3, 32, 3, stride=2)
        stages, n_in = [], 32
        for i, (expansion, channels, n_blocks, stride, kernel) in enumerate(STAGES):
            n_out = _round_to_eights(channels * width)
            # The first and the last stage keep their depth in every variant.
            n_blocks = n_blocks if i in (0, len(STAGES) - 1) else ceil(n_blocks * depth)
            blocks = []
            for j in range(n_blocks):
                blocks.append(
                    InvertedResidual(n_in, n_out, expansion, kernel, stride if j == 0 else 1)
                )
                n_in = n_out
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = conv_norm(n_in, 1280)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1280, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv_head(self.blocks(self.conv_stem(x)))
        return self.classifier(self.avgpool(x).flatten(1))


def rename_state(state: Mapping[str, torch.Tensor], module: nn.Module) -> dict[str, torch.Tensor]:
    """Give the tensors of a published state dict the names that `module` uses.

    Both list the same tensors in the order of the forward pass, so the names are zipped. A state
    dict of `module` itself is returned as it is.
    """
    own = module.state_dict()
    if "_conv_stem.weight" not in state or len(state) != len(own):
        return dict(state)
    return dict(zip(own, state.values(), strict=True))


def _round_to_eights(channels: float) -> int:
    """Round to a multiple of 8, but never down by more than 10 %."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8
