"""What a GPU is given, shown without one, and training in bfloat16."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers.networks import NormNet, TinyNet
from helpers.pictures import study
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier
from sklearn_tl._utils import without_tf32
from sklearn_tl._utils.devices import ROUNDED
from sklearn_tl.backbones import load_backbone
from sklearn_tl.datasets import load_photo_patches
from sklearn_tl.embedding import EMBEDDING, FrozenPass
from sklearn_tl.embedding.batches import _joined, _read
from sklearn_tl.finetuning import training_precision
from sklearn_tl.images.sequence import as_images

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture
def gpu(monkeypatch):
    """Treat the processor as a GPU."""
    monkeypatch.setattr(FrozenPass, "on_cpu", False)


def test_chunks_of_a_gpu_are_decoded_ahead_and_of_one_shape(make_images):
    sizes = [(32, 40)] * 5 + [(20, 20)] + [(32, 40)] * 4 + [(24, 24)]
    images = as_images([make_images(1, *size, seed=i)[0] for i, size in enumerate(sizes)])
    extractor = ConvFeatureExtractor(TinyNet, image_size="native", batch_size=4)
    frozen = extractor.fit(images).frozen_pass(EMBEDDING)
    read = partial(_read, images=images, frozen=frozen, with_digests=True)
    chunks = list(_joined(read, range(len(images)), 4, one_shape=False))
    assert [some for some, *_ in chunks] == [[0, 1, 2, 3], [4, 6, 7, 8], [5], [9], [10]]
    for some, keys, _, batch in chunks:
        alone = [read([i]) for i in some]
        assert keys == [key for _, (key,), *_ in alone]
        assert torch.equal(batch, torch.cat([one for *_, one in alone]))


def test_images_that_are_scaled_to_one_shape_are_read_several_at_once(make_images):
    images, tasks = as_images(make_images(37)), []
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, batch_size=24).fit(images)
    read = partial(_read, images=images, frozen=extractor.frozen_pass(EMBEDDING), with_digests=True)

    def watched(indices):
        tasks.append(len(indices))
        return read(indices)

    chunks = list(_joined(watched, range(37), 24, one_shape=True))
    assert sorted(tasks) == [5, 8, 8, 8, 8]
    assert [some for some, *_ in chunks] == [list(range(24)), list(range(24, 37))]
    for some, keys, _, batch in chunks:
        assert keys == read(some)[1]
        assert torch.equal(batch, read(some)[3])


def test_a_gpu_rounds_nothing_to_tf32_until_the_last_pass_has_ended():
    before = [operation.fp32_precision for operation in ROUNDED]
    first, second = without_tf32("cuda"), without_tf32("cuda:1")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert [operation.fp32_precision for operation in ROUNDED] == ["ieee"] * len(ROUNDED)
    second.__exit__(None, None, None)
    assert [operation.fp32_precision for operation in ROUNDED] == before
    with without_tf32("cpu"):
        assert [operation.fp32_precision for operation in ROUNDED] == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU of Nvidia here")
def test_a_row_of_a_real_gpu_depends_on_its_image_alone():
    X = load_photo_patches().images[:40]
    extractor = ConvFeatureExtractor(device="cuda", cache=None).fit(X)
    wanted = extractor.transform(X)
    scale = np.abs(wanted).max()
    assert_allclose(extractor.transform(X[5:8]), wanted[5:8], atol=1e-5 * scale)
    on_cpu = ConvFeatureExtractor(device="cpu", cache=None).fit_transform(X)
    assert_allclose(on_cpu, wanted, atol=1e-4 * scale)


@pytest.mark.parametrize("size", [32, "native"])
def test_rows_of_a_gpu_are_those_of_a_processor(size, make_images, monkeypatch):
    X = [*make_images(7), *make_images(3, 33, 40)]
    extractor = ConvFeatureExtractor(NormNet, image_size=size, batch_size=4, cache=None).fit(X)
    wanted = extractor.transform(X)
    monkeypatch.setattr(FrozenPass, "on_cpu", False)
    assert_allclose(extractor.transform(X), wanted, rtol=1e-5, atol=1e-6)


def test_a_gpu_gets_levels_of_8_bits(gpu, make_images, monkeypatch):
    seen, forward = [], FrozenPass.forward

    def watched(self, batch):
        seen.append((batch.dtype, len(batch)))
        return forward(self, batch)

    extractor = ConvFeatureExtractor(TinyNet, image_size=32, batch_size=4).fit(make_images())
    monkeypatch.setattr(FrozenPass, "forward", watched)
    extractor.transform(make_images())
    assert seen == [(torch.uint8, 4), (torch.uint8, 2)]


def test_an_extractor_goes_on_with_smaller_batches_if_memory_is_full(gpu, make_images, monkeypatch):
    X = make_images(8)
    extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=None).fit(X)
    wanted, sizes, forward = extractor.transform(X), [], FrozenPass.forward

    def limited(self, batch):
        sizes.append(len(batch))
        if len(batch) > 4:
            raise torch.OutOfMemoryError(FULL)
        return forward(self, batch)

    monkeypatch.setattr(FrozenPass, "forward", limited)
    with pytest.warns(UserWarning, match="From now on it gets 4 at once"):
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


def test_training_in_bfloat16_keeps_weights_in_float32_and_learns():
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


@pytest.mark.parametrize(
    ("network", "in_training"),
    [("resnet18", "bfloat16"), ("mobilenet_v3_small", "float32"), ("convnext_tiny", "bfloat16")],
)
def test_precision_auto_is_the_faster_one_in_training_too(network, in_training, monkeypatch):
    monkeypatch.setattr("sklearn_tl._utils.devices.cpu_has_bfloat16", lambda: True)
    module = load_backbone(network, None).module
    assert training_precision("auto", "cpu", module) == in_training
    assert training_precision("bfloat16", "cpu", module) == "bfloat16"
    X, y = study(2, 8)
    classifier = FineTuneClassifier(
        network, weights=None, unfreeze=1, image_size=32, max_epochs=1, precision="auto"
    )
    classifier.fit(X, y)
    assert classifier.net_.module_.precision == in_training
    assert classifier.frozen_pass().precision == "bfloat16"
