"""The map of embeddings: right points, a look per class, and an estimator that stays as it was."""

import numpy as np
import pandas as pd
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


def test_numbers_have_a_scale_of_colours():
    rows = np.random.default_rng(0).normal(size=(6, 4))
    y = pd.Series([0.5, 1.5, 2.25, 3.5, 4.5, 5.5], name="weight")
    X = np.zeros((6, 20, 20, 3), dtype=np.uint8)
    display = EmbeddingDisplay.from_embeddings(rows, y, images=X)
    (points,) = display.ax_.collections
    np.testing.assert_array_equal(points.get_array(), y)
    assert points.colorbar.ax.get_ylabel() == "weight"
    assert display.ax_.get_legend() is None
    display.figure_.canvas.draw()
    edges = {box.patch.get_edgecolor() for box in display.ax_.artists}
    assert edges <= {tuple(colour) for colour in points.get_facecolors()}


def test_of_several_numbers_the_first_gives_the_colour():
    rows = np.random.default_rng(0).normal(size=(6, 4))
    y = pd.DataFrame({"weight": np.arange(6) / 4, "length": np.arange(6) / 3})
    display = EmbeddingDisplay.from_embeddings(rows, y)
    np.testing.assert_array_equal(display.ax_.collections[0].get_array(), y["weight"])
    assert display.ax_.get_title() == "PCA, coloured by the first of 2 targets"


def test_whole_numbers_are_classes_unless_the_task_says_otherwise():
    rows = np.random.default_rng(0).normal(size=(6, 4))
    stars = [1, 2, 3, 1, 2, 3]
    classes = EmbeddingDisplay.from_embeddings(rows, stars)
    assert legend_texts(classes.ax_) == ["1", "2", "3"]
    numbers = EmbeddingDisplay.from_embeddings(rows, stars, task="regression")
    assert numbers.ax_.collections[0].colorbar.ax.get_ylabel() == "target"


def test_the_rarest_of_several_labels_gives_the_colour():
    y = pd.DataFrame([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 0]])
    y.columns = ["red", "round", "rare"]
    rows = np.random.default_rng(0).normal(size=(5, 4))
    display = EmbeddingDisplay.from_embeddings(rows, y, images=np.zeros((5, 20, 20, 3), np.uint8))
    assert legend_texts(display.ax_) == ["red", "round", "rare", "no label"]
    groups = [drawn.get_offsets().tolist() for drawn in display.ax_.collections]
    points = display.points.tolist()
    assert groups == [[points[0]], [points[1], points[4]], [points[3]], [points[2]]]
    assert display.ax_.get_title() == "PCA, coloured by rarest label"


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
        ({"task": "tags"}, "task='tags' must be one of 'classification'"),
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


@pytest.mark.parametrize(("n_classes", "n_named"), [(22, 22), (43, 43), (60, 44)])
def test_a_long_legend_does_not_press_the_map_flat(n_classes, n_named):
    points = np.random.default_rng(0).normal(size=(120, 2))
    y = [f"class {i % n_classes:02d}" for i in range(120)]
    display = EmbeddingDisplay(points=points, y=y).plot()
    assert len(legend_texts(display.ax_)) == n_named
    title = display.ax_.get_legend().get_title().get_text()
    assert title == ("The first 44 of 60" if n_classes == 60 else "")
    display.figure_.canvas.draw()
    box = display.ax_.get_position()
    assert box.height > 0.8
    assert box.width > 0.5
