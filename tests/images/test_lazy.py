"""Datasets stay unread in scikit-learn's folds, and each item is read once per pass."""

from collections import Counter

import numpy as np
import pytest
import torchvision
from helpers.networks import TinyNet
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, LazyImages, compare_strategies


class Counting:
    """A dataset that counts how often each of its items is read."""

    def __init__(self, images):
        self.images = images
        self.reads = Counter()
        self.targets = np.arange(len(images)) % 2

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        self.reads[i] += 1
        return self.images[i], self.targets[i]


@pytest.fixture
def dataset(make_images):
    X = make_images(12)
    X[1::2] //= 3
    return Counting(X)


def test_a_fold_is_read_only_when_its_images_are_needed(dataset):
    model = make_pipeline(ConvFeatureExtractor(TinyNet, image_size=16), LogisticRegression())
    lazy = LazyImages(dataset)
    scores = cross_validate(model, lazy, dataset.targets, cv=3)["test_score"]
    assert set(dataset.reads.values()) == {3}  # once in each of three passes
    expected = cross_validate(model, dataset.images, dataset.targets, cv=3)["test_score"]
    np.testing.assert_array_equal(scores, expected)


def test_a_part_of_a_part_is_lazy_too(dataset):
    part = LazyImages(dataset)[np.arange(12) % 2 == 0][np.array([3, 1]), ...]
    assert (len(part), part.shape) == (2, (2,))
    assert not dataset.reads
    np.testing.assert_array_equal(part[0][0], dataset.images[6])
    assert repr(part) == "LazyImages(2 images)"


@pytest.mark.parametrize("cache", [None, "memory"])
def test_an_item_is_read_once_per_pass(dataset, cache, monkeypatch):
    monkeypatch.setattr("sklearn_tl.embedding.rows.OPEN_BYTES", 3 * dataset.images[0].nbytes)
    extractor = ConvFeatureExtractor(TinyNet, image_size=16, cache=cache)
    rows = extractor.fit_transform(dataset)
    assert set(dataset.reads.values()) == {1}
    np.testing.assert_array_equal(rows, extractor.transform(dataset.images))


def test_a_loader_is_called_once_per_image_and_its_pixels_decide(dataset, tmp_path):
    calls = Counter()

    def load(item):
        calls[item] += 1
        return dataset.images[int(item)]

    extractor = ConvFeatureExtractor(TinyNet, image_size=16, loader=load)
    rows = extractor.fit_transform(["3", "5"])
    assert set(calls.values()) == {1}
    expected = ConvFeatureExtractor(TinyNet, image_size=16).fit_transform(dataset.images[[3, 5]])
    np.testing.assert_array_equal(rows, expected)

    def broken(item):
        raise RuntimeError("no such scan")

    with pytest.raises(RuntimeError, match="no such scan") as caught:
        extractor.set_params(loader=broken).fit_transform(["3"])
    assert caught.value.__notes__ == ["in the loader, which was called for X[0] ('3')"]


def test_a_comparison_takes_a_dataset_and_its_targets(dataset):
    result = compare_strategies(dataset, strategies=["raw pixels"], cv=2, random_state=0)
    expected = compare_strategies(
        dataset.images, dataset.targets, strategies=["raw pixels"], cv=2, random_state=0
    )
    assert result.summary() == expected.summary()


@pytest.fixture
def folder(tmp_path, make_images):
    for i, image in enumerate(make_images(8)):
        path = tmp_path / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(image // (1 + 2 * (i % 2))).save(path, exif=exif)
    return tmp_path


def test_an_image_folder_is_read_by_its_paths_and_gives_the_labels(folder):
    dataset = torchvision.datasets.ImageFolder(folder)
    paths = [path for path, _ in dataset.samples]
    extractor = ConvFeatureExtractor(TinyNet, image_size=16)
    expected = extractor.fit_transform(paths)  # upright
    np.testing.assert_array_equal(extractor.transform(dataset), expected)
    np.testing.assert_array_equal(extractor.transform(LazyImages(dataset)), expected)
    classifier = FineTuneClassifier(TinyNet, unfreeze=None, image_size=16).fit(dataset)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.score(dataset, dataset.targets) == 1
    flipped = torchvision.datasets.ImageFolder(folder, transform=lambda image: image.rotate(180))
    assert not np.array_equal(extractor.transform(flipped), expected)
    dataset.transform = lambda image: image.rotate(180)  # set later
    assert not np.array_equal(extractor.transform(dataset), expected)

    class Darker(torchvision.datasets.ImageFolder):
        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image.point(lambda level: level // 2), label

    assert not np.array_equal(extractor.transform(Darker(folder)), expected)
