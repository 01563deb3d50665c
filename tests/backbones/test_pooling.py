"""Activations of all shapes become one vector per image."""

import pytest
import torch

from sklearn_tl.backbones import POOLINGS, pool


@pytest.mark.parametrize("pooling", POOLINGS)
def test_all_layouts_are_pooled_alike(pooling):
    maps = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    wanted = {
        "avg": maps.mean((2, 3)),
        "max": maps.amax((2, 3)),
        "avgmax": torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1),
        "flatten": maps.flatten(1),
    }[pooling]
    torch.testing.assert_close(pool(maps, pooling), wanted)
    if pooling != "flatten":
        tokens = maps.flatten(2).transpose(1, 2)
        torch.testing.assert_close(pool(tokens, pooling), wanted)
        torch.testing.assert_close(pool(maps.movedim(1, 3), pooling, True), wanted)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3), (2, 5, 3, 3)])
def test_a_pooled_activation_is_new_memory(pooling, shape):
    activation = torch.ones(shape)
    pooled = pool(activation, pooling)
    activation.zero_()
    assert pooled.all()
