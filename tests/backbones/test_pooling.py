"""Activations of all shapes become one vector per image."""

import pytest
import torch

from sklearn_tl.backbones.pooling import (
    OF_TOKENS,
    POOLINGS,
    LayerError,
    activation_of,
    embedding_of,
    pool,
)

OF_MAPS = [pooling for pooling in POOLINGS if pooling not in OF_TOKENS]


@pytest.mark.parametrize("pooling", OF_MAPS)
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


@pytest.mark.parametrize("pooling", OF_MAPS)
@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3), (2, 5, 3, 3)])
def test_a_pooled_activation_is_new_memory(pooling, shape):
    activation = torch.ones(shape)
    pooled = pool(activation, pooling)
    activation.zero_()
    assert pooled.all()


def test_tokens_before_those_of_the_patches_are_told_apart():
    tokens = torch.rand(2, 7, 3)  # a class token, two registers, four patches
    patches = tokens[:, 3:]
    wanted = {
        "cls": tokens[:, 0],
        "patch": patches.mean(1),
        "cls+patch": torch.cat([tokens[:, 0], patches.mean(1)], dim=1),
        "avg": patches.mean(1),
        "max": patches.amax(1),
        "avgmax": torch.cat([patches.mean(1), patches.amax(1)], dim=1),
        "flatten": tokens.flatten(1),
    }
    assert set(wanted) == set(POOLINGS)
    for pooling, expected in wanted.items():
        torch.testing.assert_close(pool(tokens, pooling, n_prefix=3), expected)


@pytest.mark.parametrize(
    ("shape", "pooling", "message"),
    [
        ((2, 4, 3), "cls", "returns tokens, but no class token"),
        ((2, 4, 3), "cls+patch", "returns tokens, but no class token"),
        ((2, 3, 4, 4), "patch", r"returns no tokens: its activation has the shape \(2, 3, 4, 4\)"),
        ((2, 3), "cls", "returns no tokens"),
    ],
)
def test_poolings_of_tokens_need_tokens(shape, pooling, message):
    with pytest.raises(LayerError, match=message):
        pool(torch.zeros(shape), pooling)


def test_outputs_of_networks_hold_one_activation():
    tensor, other = torch.zeros(2, 3), torch.ones(2, 5, 3)
    assert activation_of(tensor) is tensor
    assert activation_of((tensor, None)) is tensor
    assert activation_of({"layer4": tensor}) is tensor
    assert activation_of({"last_hidden_state": other, "pooler_output": tensor}) is tensor
    assert activation_of({"last_hidden_state": other, "pooler_output": None}) is other
    for nothing in ((tensor, other), None, "text", {"a": tensor, "b": other}):
        assert activation_of(nothing) is None


def test_the_embedding_of_tokens_is_the_class_token_or_the_mean():
    tokens = torch.rand(2, 5, 3)
    torch.testing.assert_close(embedding_of(tokens, n_prefix=1), tokens[:, 0])
    torch.testing.assert_close(embedding_of(tokens), tokens.mean(1))
    with pytest.raises(LayerError, match="got tuple"):
        embedding_of((tokens, tokens))
