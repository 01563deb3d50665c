"""What a GPU would be given, shown without one."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl._utils.devices import in_parts_that_fit, resolve_device, resolve_precision
from sklearn_tl.embedding.frozen_pass import EMBEDDING, FrozenPass, _joined, _prepared
from sklearn_tl.images.sequence import as_images

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture
def gpu(monkeypatch):
    """Treat the processor as a GPU."""
    monkeypatch.setattr(FrozenPass, "on_cpu", False)


@pytest.mark.parametrize(
    ("in_hardware", "device", "precision"),
    [(True, "cpu", "bfloat16"), (False, "cpu", "float32"), (True, "mps", "float32")],
)
def test_precision_auto(in_hardware, device, precision, monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: in_hardware, raising=False)
    assert resolve_precision("auto", device) == precision
    assert resolve_precision("float32", device) == "float32"
    assert resolve_precision("bfloat16", device) == "bfloat16"


def test_chunks_of_a_gpu_are_decoded_ahead_and_of_one_shape(make_images):
    """No GPU is needed to look at what it would get."""
    sizes = [(32, 40)] * 5 + [(20, 20)] + [(32, 40)] * 4 + [(24, 24)]
    images = as_images([make_images(1, *size, seed=i)[0] for i, size in enumerate(sizes)])
    extractor = ConvFeatureExtractor(TinyNet, image_size="native", batch_size=4)
    frozen = extractor.fit(images).frozen_pass(EMBEDDING)
    prepared = partial(_prepared, images=images, frozen=frozen, digested=True)
    chunks = list(_joined(prepared, range(len(images)), 4))
    assert [some for some, _, _ in chunks] == [[0, 1, 2, 3], [4, 6, 7, 8], [5], [9], [10]]
    for some, keys, batch in chunks:
        alone = [prepared([i]) for i in some]
        assert keys == [key for _, (key,), _ in alone]
        assert torch.equal(batch, torch.cat([one for _, _, one in alone]))


def test_device_auto(monkeypatch):
    for cuda, mps, device in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert resolve_device("auto") == device


@pytest.mark.parametrize("size", [32, "native"])
def test_rows_of_a_gpu_are_those_of_a_processor(size, make_images, monkeypatch):
    X = [*make_images(7), *make_images(3, 33, 40)]
    extractor = ConvFeatureExtractor(NormNet, image_size=size, batch_size=4, cache=None).fit(X)
    wanted = extractor.transform(X)
    monkeypatch.setattr(FrozenPass, "on_cpu", False)
    assert_allclose(extractor.transform(X), wanted, rtol=1e-5, atol=1e-6)


def test_a_gpu_gets_levels_of_8_bits(gpu, make_images, monkeypatch):
    seen, run = [], FrozenPass.run

    def watched(self, batch):
        seen.append((batch.dtype, len(batch)))
        return run(self, batch)

    extractor = ConvFeatureExtractor(TinyNet, image_size=32, batch_size=4).fit(make_images())
    monkeypatch.setattr(FrozenPass, "run", watched)
    extractor.transform(make_images())
    assert seen == [(torch.uint8, 4), (torch.uint8, 2)]


class Small:
    """A function that is run on a device with memory for so many images."""

    def __init__(self, n, message=FULL):
        self.n, self.message, self.tried = n, message, []

    def __call__(self, batch):
        self.tried.append(len(batch))
        if len(batch) > self.n:
            raise RuntimeError(self.message)
        return 2 * batch


def test_out_of_memory_halves_the_batch_and_says_so_once():
    run, known = Small(4), {}
    batch = torch.arange(10)
    with pytest.warns(UserWarning, match="no memory for") as warned:
        got = in_parts_that_fit(run, batch, known, "what")
    assert torch.equal(torch.cat(got), 2 * batch)
    assert run.tried == [10, 5, 3, 3, 3, 1]
    assert [str(w.message)[:49] for w in warned] == [
        "The device has no memory for 10 images at once, a",
        "The device has no memory for 5 images at once, an",
    ]
    run.tried.clear()
    in_parts_that_fit(run, batch, known, "what")  # without another attempt, and no warning
    assert run.tried == [3, 3, 3, 1]


def test_no_memory_for_one_image():
    with (
        pytest.warns(UserWarning, match="no memory for 2 images"),
        pytest.raises(MemoryError, match="single image .*CUDA out of memory.*image_size"),
    ):
        in_parts_that_fit(Small(0), torch.arange(2), {}, "what")


def test_other_errors_pass():
    run = Small(1, "mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        in_parts_that_fit(run, torch.arange(2), {}, "what")


def test_an_extractor_goes_on_with_smaller_batches(gpu, make_images, monkeypatch):
    X = make_images(8)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit(X)
    wanted, sizes, run = extractor.transform(X), [], FrozenPass.run

    def limited(self, batch):
        sizes.append(len(batch))
        if len(batch) > 4:
            raise torch.OutOfMemoryError(FULL)
        return run(self, batch)

    monkeypatch.setattr(FrozenPass, "run", limited)
    with pytest.warns(UserWarning, match="gets 4 from now on"):
        got = extractor.transform(X)
    assert_allclose(got, wanted, rtol=1e-5)
    assert sizes == [8, 4, 4]
    assert_array_equal(extractor.transform(X), got)
    assert sizes[3:] == [4, 4]


def test_out_of_memory_in_training_says_what_to_set(monkeypatch):
    class Full(torch.optim.SGD):
        def step(self, closure=None):
            raise torch.OutOfMemoryError(FULL)

    X, y = study(2, 8)
    classifier = FineTuneClassifier(
        NormNet, image_size=16, unfreeze=1, batch_size=4, net_params={"optimizer": Full}
    )
    with pytest.raises(MemoryError, match="training step on 4 images .*smaller batch_size"):
        classifier.fit(X, y)


def test_training_in_bfloat16():
    X, y = study(3, 30)
    parameters = {"image_size": 16, "head_C": 100, "random_state": 0, "max_epochs": 2}
    outputs = []
    for precision in ("float32", "bfloat16"):
        classifier = FineTuneClassifier(NormNet, unfreeze=2, precision=precision, **parameters)
        assert classifier.fit(X, y).score(X, y) > 0.9
        outputs.append(classifier.decision_function(X))
        assert outputs[-1].dtype == np.float64
        assert all(p.dtype == torch.float32 for p in classifier.net_.module_.parameters())
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3  # it was another computation
