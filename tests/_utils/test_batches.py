"""Batches of one shape, and parts of them that fit into the memory of a device."""

import pytest
import torch

from sklearn_tl._utils import filled, in_parts_that_fit

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


def test_a_batch_is_filled_up_with_zeros():
    batch = torch.ones(2, 3, 4, dtype=torch.uint8)
    got = filled(batch, 5)
    assert got.shape == (5, 3, 4)
    assert got.dtype == torch.uint8
    assert torch.equal(got[:2], batch)
    assert not got[2:].any()
    assert filled(batch, 2) is batch


class Small:
    """A function on a device whose memory is enough for n images."""

    def __init__(self, n, message=FULL):
        self.n, self.message, self.tried = n, message, []

    def __call__(self, batch):
        self.tried.append(len(batch))
        if len(batch) > self.n:
            raise RuntimeError(self.message)
        return 2 * batch


def test_a_batch_that_does_not_fit_is_halved_with_one_warning_each_time():
    run, known = Small(4), {}
    batch = torch.arange(10)
    with pytest.warns(UserWarning, match="no memory for") as warned:
        got = in_parts_that_fit(run, batch, known, "what")
    assert torch.equal(torch.cat(got), 2 * batch)
    assert run.tried == [10, 5, 3, 3, 3, 1]
    assert [str(w.message)[:49] for w in warned] == [
        "The device has no memory for 10 images at once. F",
        "The device has no memory for 5 images at once. Fr",
    ]
    run.tried.clear()
    in_parts_that_fit(run, batch, known, "what")  # without another attempt, and no warning
    assert run.tried == [3, 3, 3, 1]


def test_too_little_memory_for_one_image_is_an_error_that_says_what_to_set():
    with (
        pytest.warns(UserWarning, match="no memory for 2 images"),
        pytest.raises(MemoryError, match="single image .*CUDA out of memory.*image_size"),
    ):
        in_parts_that_fit(Small(0), torch.arange(2), {}, "what")


def test_other_errors_are_not_taken_for_a_full_memory():
    run = Small(1, "mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        in_parts_that_fit(run, torch.arange(2), {}, "what")
