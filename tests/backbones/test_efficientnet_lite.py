"""EfficientNet-Lite keeps the sizes of its publication. `test_stock.py` compares its outputs."""

import torch
import torch.nn.functional as F
from torch import nn

from sklearn_tl.backbones.efficientnet_lite import Conv2dSame, EfficientNetLite, rename_state


def test_same_padding_gives_the_far_side_the_odd_pixel():
    conv = Conv2dSame(3, 2, 3, stride=2)
    for size, padding in [((8, 8), (0, 1, 0, 1)), ((7, 8), (0, 1, 1, 1)), ((7, 7), (1, 1, 1, 1))]:
        x = torch.rand(1, 3, *size)
        wanted = nn.Conv2d.forward(conv, F.pad(x, padding))
        torch.testing.assert_close(conv(x), wanted)
        assert conv(x).shape[2:] == tuple(-(-side // 2) for side in size)


def test_its_own_state_keeps_its_names():
    network = EfficientNetLite(0.1, 0.1)
    state = network.state_dict()
    assert rename_state(state, network).keys() == state.keys()
