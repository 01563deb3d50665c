"""Random numbers that are the same every time."""

import torch

from sklearn_tl.backbones import noise
from sklearn_tl.backbones.seeding import fixed_seed


def test_the_same_numbers_come_every_time():
    state = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with fixed_seed():
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_noise_is_always_the_same():
    state = torch.random.get_rng_state()
    assert torch.equal(noise(1, 3, 4, 4), noise(1, 3, 4, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
