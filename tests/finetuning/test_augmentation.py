"""Images are varied in training, and only there."""

import numpy as np
import pytest
import torch
from helpers.estimators import make
from helpers.pictures import study
from PIL import Image
from torchvision.transforms import v2

from sklearn_tl.finetuning import augmentation
from sklearn_tl.images import IMAGENET, as_images


def test_only_training_images_are_augmented():
    seen = []

    def augment(image):
        seen.append(image)
        return image

    X, y = study(3, 30)
    classifier = make(1, augment=augment, max_epochs=3).fit(X, y)
    assert len(seen) == 3 * 30
    # Scaled, as for a prediction, but not yet cropped: 24 x 30 pixels for an input of 16 x 16.
    assert {(type(image), image.size) for image in seen} == {(Image.Image, (22, 18))}
    classifier.predict(X)
    assert len(seen) == 3 * 30
    # One that changes nothing trains as without, but for the way there, which is not folded.
    plain = make(1, max_epochs=3).fit(X, y)
    np.testing.assert_allclose(classifier.predict_proba(X), plain.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    "augment",
    [
        "standard",
        v2.RandomHorizontalFlip(),
        v2.Compose([v2.PILToTensor(), v2.RandomErasing(), v2.ToDtype(torch.float32, scale=True)]),
        v2.RandomResizedCrop(16, antialias=True),
        v2.RandomCrop(9),  # smaller than the input
        lambda image: image.rotate(10).convert("L"),
    ],
)
def test_augmentations_are_seeded(augment):
    X, y = study(3, 30)
    first, again = (make(1, augment=augment).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = make(1, augment=augment, random_state=1).fit(X, y).predict_proba(X)
    assert not np.array_equal(first, other)


def test_images_of_more_than_8_bits_reach_the_augmentation_as_tensors():
    X, y = study(3, 30)
    seen = []

    def augment(image):
        seen.append(image)
        return image.mul_(0.5)

    before = (X / 400).astype(np.float32)  # no levels of 8 bits
    images = before.copy()
    make(1, augment=augment, max_epochs=1).fit(images, y)
    assert {(type(image), image.dtype) for image in seen} == {(torch.Tensor, torch.float32)}
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        (lambda image: np.asarray(image), TypeError, r"applied to X\[\d+\], returned ndarray"),
        (v2.Compose([v2.PILToTensor(), lambda x: x[0]]), ValueError, r"shape \(18, 22\)"),
        (
            v2.Compose(
                [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.1])]
            ),
            ValueError,
            "Leave Normalize out",
        ),
    ],
)
def test_errors_name_wrong_augmentations(augment, error, message):
    X, y = study(3, 30)
    with pytest.raises(error, match=message):
        make(1, augment=augment).fit(X, y)


def test_an_error_inside_an_augmentation_says_where_it_was_called():
    X, y = study(3, 30)
    with pytest.raises(ZeroDivisionError) as info:
        make(1, augment=lambda image: 1 / 0, batch_size=30).fit(X, y)
    assert "a PIL image" in info.value.__notes__[0]


def test_images_that_are_not_kept_give_the_same_bits(monkeypatch):
    X, y = study(3, 30)
    expected = make("all").fit(X, y).predict_proba(X)
    monkeypatch.setattr(augmentation, "KEEP_BYTES", 4000)
    np.testing.assert_array_equal(make("all").fit(X, y).predict_proba(X), expected)


def test_an_image_that_is_drawn_twice_is_read_once(monkeypatch):
    X, y = study(2, 6)
    data = augmentation.TrainingImages(as_images(X), y, IMAGENET)
    reads, scaled = [], augmentation.TrainingImages._scaled

    def counting(self, i):
        reads.append(i)
        return scaled(self, i)

    monkeypatch.setattr(augmentation.TrainingImages, "_scaled", counting)
    for _ in range(2):
        first, again, other = data.__getitems__([3, 3, 1])
        assert torch.equal(first[0], again[0])
        assert not torch.equal(first[0], other[0])
    assert sorted(reads) == [1, 3]
