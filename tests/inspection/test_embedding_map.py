"""The map of embeddings: right points, a look per class, and an estimator that stays as it was."""

import numpy as np
import pytest
from helpers.inspection import fine_tuner, legend_texts, linear
from helpers.networks import NormNet
from helpers.pictures import study
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_tl import ConvFeatureExtractor, EmbeddingDisplay

pytestmark = pytest.mark.usefixtures("no_screen")


def extractor(**parameters):
    return ConvFeatureExtractor(NormNet, image_size=16, **parameters)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_twelve_classes_have_twelve_looks(method):
    X, y = study(12, 48)
    names = np.array([f"a class with a rather long name, number {i}" for i in range(12)])
    display = EmbeddingDisplay.from_estimator(
        extractor(), X, names[y], method=method, thumbnails=True
    )
    assert display.points.shape == (48, 2)
    assert len(legend_texts(display.ax_)) == 12
    assert all(len(text) <= 28 for text in legend_texts(display.ax_))
    looks = {
        (tuple(drawn.get_facecolor()[0]), drawn.get_paths()[0].vertices.tobytes())
        for drawn in display.ax_.collections
    }
    assert len(looks) == 12
    assert 4 < len(display.ax_.artists) < 48  # thumbnails, where there is room
    display.figure_.canvas.draw()


def test_the_points_are_principal_components():
    X, y = study(3, 30)
    fitted = extractor().fit(X)
    display = EmbeddingDisplay.from_estimator(fitted, X, y)
    rows = fitted.transform(X)
    _, sizes, _ = np.linalg.svd(rows - rows.mean(0))
    np.testing.assert_allclose(np.linalg.norm(display.points, axis=0), sizes[:2], rtol=1e-3)


@pytest.mark.parametrize(
    "estimator",
    [
        extractor(),
        fine_tuner(unfreeze=None),
        make_pipeline(extractor(), StandardScaler()),
        make_pipeline(extractor(), LogisticRegression()),
    ],
    ids=["extractor", "classifier", "pipeline", "pipeline that classifies"],
)
def test_an_estimator_that_is_not_fitted_stays_so(estimator):
    X, y = study(3, 12)
    before = vars(estimator).copy()
    display = EmbeddingDisplay.from_estimator(estimator, X, y, thumbnails=True)
    assert display.points.shape == (12, 2)
    assert vars(estimator) == before
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    for _, step in getattr(estimator, "steps", ()):
        with pytest.raises(NotFittedError):
            check_is_fitted(step)


def test_a_fitted_estimator_is_used_as_it_is():
    X, y = study(3, 12)
    fitted = fine_tuner(unfreeze=None).fit(X[:6], y[:6])
    coefficients = fitted.net_.module_.head.weight.clone()
    display = EmbeddingDisplay.from_estimator(fitted, X, y)
    expected = EmbeddingDisplay.from_embeddings(fitted.transform(X), y)
    np.testing.assert_array_equal(display.points, expected.points)
    assert (fitted.net_.module_.head.weight == coefficients).all()


def test_the_steps_before_a_classifier_are_drawn():
    pipeline, X, y = linear()
    display = EmbeddingDisplay.from_estimator(pipeline, X, y)
    expected = EmbeddingDisplay.from_embeddings(pipeline[0].transform(X), y)
    np.testing.assert_array_equal(display.points, expected.points)


def test_equal_images_are_one_thumbnail():
    X, y = np.zeros((6, 20, 20, 3), dtype=np.uint8), ["a", "b"] * 3
    rows = np.ones((6, 4), dtype=np.float32)
    rows[:, 0] = np.arange(6) % 2  # the second direction has no variance
    display = EmbeddingDisplay.from_embeddings(rows, y, images=X)
    assert len(display.ax_.artists) == 2
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"method": "umap"}, "method='umap' must be one of 'pca', 'tsne'"),
        ({"rows": np.zeros((2, 4)), "y": [0, 1]}, r"at least 3 images .* shape \(2, 4\)"),
        ({"rows": np.zeros((5, 1))}, r"at least 2 features, got an array of shape \(5, 1\)"),
        ({"y": [0, 1, 2]}, "inconsistent numbers of samples"),
    ],
)
def test_wrong_arguments_are_named(change, match):
    arguments = {"rows": np.zeros((5, 4)), "y": [0, 1, 0, 1, 0]} | change
    with pytest.raises(ValueError, match=match):
        EmbeddingDisplay.from_embeddings(**arguments)


@pytest.mark.parametrize(
    ("n", "change", "match"), [(30, {"method": "umap"}, "method="), (2, {}, "3 images")]
)
def test_wrong_arguments_with_an_estimator_are_named(n, change, match):
    pipeline, X, y = linear()
    with pytest.raises(ValueError, match=match):
        EmbeddingDisplay.from_estimator(pipeline[0], X[:n], y[:n], **change)
