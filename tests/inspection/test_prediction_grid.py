"""The grid shows the right images, with heat maps in their place."""

import io
import pickle
from itertools import pairwise

import numpy as np
import pytest
from helpers.inspection import fine_tuner, linear
from helpers.networks import NormNet
from helpers.pictures import save_all, study
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_tl import ConvFeatureExtractor, FineTuneClassifier, PredictionGridDisplay
from sklearn_tl.images import as_images
from sklearn_tl.inspection import short_path

pytestmark = pytest.mark.usefixtures("no_screen")


# Which images


def test_the_surest_errors_come_first():
    pipeline, X, y = linear()
    labels = np.where(np.arange(30) % 5, y, (y + 1) % 3)  # a fifth is wrong now
    display = PredictionGridDisplay.from_estimator(pipeline, X, labels, n_images=4)
    wrong = np.flatnonzero(pipeline.predict_proba(X).argmax(1) != labels)
    assert set(display.positions) <= set(wrong)
    assert (np.diff(display.confidences) <= 0).all()
    assert display.ax_[0, 0].get_title(loc="left") == (
        f"✗ {display.y_pred[0]} ({display.confidences[0]:.2f})\ntrue: {display.y_true[0]}\n"
        f"X[{display.positions[0]}]"
    )


def test_the_least_sure_images_come_first():
    pipeline, X, y = linear()
    display = PredictionGridDisplay.from_estimator(pipeline, X, y, show="unsure", n_images=4)
    least = np.argsort(pipeline.predict_proba(X).max(1))[:4]
    np.testing.assert_array_equal(display.positions, least)


def test_the_first_images_come_in_order():
    pipeline, X, y = linear()
    probabilities = pipeline.predict_proba(X)
    display = PredictionGridDisplay.from_predictions(X, y, probabilities, show="first", n_images=5)
    assert display.positions.tolist() == [0, 1, 2, 3, 4]
    assert display.ax_.shape == (2, 4)
    np.testing.assert_array_equal(display.ax_[0, 1].get_images()[0].get_array(), X[1])


def test_without_errors_the_grid_says_so():
    X, y = study(3, 6)
    display = PredictionGridDisplay.from_predictions(X, y, np.eye(3)[y])
    assert "No image is misclassified" in display.ax_.flat[0].get_title()
    assert display.figure_.get_figheight() < 1


def test_a_class_without_images_needs_the_classes():
    X, _ = study(3, 4)
    probabilities = np.eye(3)[[0, 2, 0, 1]]
    with pytest.raises(ValueError, match="Found 4 images.* and 2 classes.* pass classes="):
        PredictionGridDisplay.from_predictions(X, ["a", "c", "a", "c"], probabilities)
    display = PredictionGridDisplay.from_predictions(
        X, ["a", "c", "a", "c"], probabilities, classes=["a", "b", "c"]
    )
    assert display.y_pred.tolist() == ["b"]


def test_the_titles_of_narrow_images_do_not_overlap():
    from matplotlib.text import Text

    images = [np.zeros((80, width, 3), dtype=np.uint8) for width in (20, 80, 20, 80)]
    names = np.array([f"{name} with a rather long name" for name in ("cat", "dog")])
    display = PredictionGridDisplay.from_predictions(
        images, names[[0, 1, 0, 1]], [[0.2, 0.8], [0.8, 0.2]] * 2, classes=names
    )
    display.figure_.canvas.draw()
    titles = [t for t in display.figure_.findobj(Text) if t.get_text().startswith("✗")]
    extents = [title.get_window_extent() for title in titles]
    assert len(titles) == 4
    assert all(a.x1 < b.x0 for a, b in pairwise(sorted(extents, key=lambda e: e.x0)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"show": "worst"}, "show='worst' must be one of 'wrong', 'unsure', 'first'"),
        ({"n_images": 0}, "n_images=0 must be at least 1"),
    ],
)
def test_wrong_arguments_are_named(change, match):
    pipeline, X, y = linear()
    with pytest.raises(ValueError, match=match):
        PredictionGridDisplay.from_estimator(pipeline, X, y, **change)
    with pytest.raises(ValueError, match=match):
        PredictionGridDisplay.from_predictions(X, y, pipeline.predict_proba(X), **change)


def test_images_are_read_as_the_estimator_reads_them():
    X, y = study(3, 30)
    deep = (X.astype(np.uint16) * 16).reshape(30, -1)
    options = {"image_size": 16, "image_shape": (24, 30, 3), "value_range": (0, 4080)}
    pipeline = make_pipeline(ConvFeatureExtractor(NormNet, **options), LogisticRegression())
    pipeline.fit(deep, y)
    show = {"show": "first", "n_images": 3, "maps": True}
    display = PredictionGridDisplay.from_estimator(pipeline, deep, y, **show)
    np.testing.assert_array_equal(display.images, X[:3])
    wanted = PredictionGridDisplay.from_estimator(linear()[0], X, y, **show)
    assert display.maps.shape == wanted.maps.shape
    np.testing.assert_array_equal(display.boxes, wanted.boxes)


def test_large_jpeg_files_are_decoded_at_a_reduced_size(tmp_path):
    path = tmp_path / "large.jpg"
    Image.new("RGB", (2400, 1800), (200, 30, 30)).save(path)
    display = PredictionGridDisplay.from_predictions([path], [0], [[1.0]], show="first")
    assert display.images[0].shape == (450, 600, 3)  # not below 448


# Names, and images that were trained on


def test_titles_name_the_files(tmp_path):
    X, y = study(2, 3)
    paths = save_all(X, tmp_path)
    long = tmp_path / "$5 and $6: a name that is much longer than a title.png"
    paths[1].rename(long)
    display = PredictionGridDisplay.from_predictions(
        [paths[0], long, paths[2]], y, np.eye(2)[y], show="first"
    )
    names = [axes.get_title(loc="left").splitlines()[-1] for axes in display.ax_.flat[:3]]
    assert names[::2] == ["0.png", "2.png"]
    assert names[1].replace("\\$", "$") == short_path(str(long), 34)
    assert names[1].startswith(r"\$5 and \$6")


def grid_note(model, X, y):
    suptitle = PredictionGridDisplay.from_estimator(model, X, y).figure_._suptitle
    return None if suptitle is None else suptitle.get_text()


def test_images_that_were_trained_on_are_said_to_be():
    model, X, y = linear()
    assert grid_note(model, X, y).startswith("These images were trained on: ")
    both, of_both = np.concatenate([X, 255 - X]), np.concatenate([y, y])
    assert grid_note(model, both, of_both).startswith("Some of these images were trained on: ")
    assert grid_note(model, 255 - X, y) is None
    assert grid_note(pickle.loads(pickle.dumps(model)), X, y) is not None


def test_files_that_were_trained_on_are_known_by_their_paths(tmp_path):
    X, y = study(2, 8)
    paths = save_all(X, tmp_path)
    model = fine_tuner(unfreeze=None).fit(paths, y)
    assert grid_note(model, paths, y).startswith("These images")
    assert grid_note(model, paths[:2], y[:2]).startswith("These images")


# Where the maps are

RED, BLUE = (230, 40, 40), (40, 40, 230)


def bar(height, width, label, x, y):
    """Return a grey image with a bar, red or blue, whose centre is at fractions of its sides."""
    image = np.random.default_rng(0).integers(90, 110, (height, width, 3)).astype(np.uint8)
    side = min(height, width)
    half_height, half_width = side // 6, side // 12
    row, column = round(y * height), round(x * width)
    image[row - half_height : row + half_height, column - half_width : column + half_width] = (
        RED if label == 0 else BLUE
    )
    return image


@pytest.fixture(scope="module")
def models():
    """Return fitted classifiers that tell images with a red bar from those with a blue one."""
    random, y = np.random.default_rng(1), np.arange(24) % 2
    X = [bar(48, 48, label, *random.uniform(0.3, 0.7, 2)) for label in y]
    regression = LogisticRegression(C=1e4, max_iter=5000)
    pipeline = make_pipeline(ConvFeatureExtractor(NormNet, image_size=48), regression)
    search = GridSearchCV(pipeline, {"logisticregression__C": [1e4]}, cv=2)
    tuned = FineTuneClassifier(NormNet, image_size=48, unfreeze=None, head_C=1e4)
    models = {"pipeline": pipeline, "search": search, "classifier": tuned}
    return {name: model.fit(X, y) for name, model in models.items()}


def hottest(axes):
    """Return the place of a drawn map's largest value, as fractions of the drawn picture."""
    picture, heat = axes.get_images()
    values = heat.get_array()
    row, column = np.unravel_index(values.argmax(), values.shape)
    left, right, bottom, top = heat.get_extent()
    x = left + (column + 0.5) / values.shape[1] * (right - left)
    y = top + (row + 0.5) / values.shape[0] * (bottom - top)
    height, width = picture.get_array().shape[:2]
    return (x + 0.5) / width, (y + 0.5) / height


PLACES = [
    ((48, 192), 0.47, 0.5),  # 4:1
    ((48, 192), 0.56, 0.3),
    ((192, 48), 0.5, 0.47),  # 1:4
    ((192, 48), 0.3, 0.56),
    ((48, 48), 0.3, 0.7),
    ((60, 90), 0.6, 0.4),
    ((300, 200), 0.6, 0.4),  # drawn as a thumbnail of 224 x 149 pixels
    ((48, 1200), 0.5, 0.7),  # whose ends are cut off before it is scaled
    ((1200, 48), 0.3, 0.5),
]


def assert_heat_is_at(display, place, shape):
    """Check that the largest value is on the bar, give or take a position of the map."""
    side = min(shape)
    slack = side / 24
    height, width = shape
    for axes in display.ax_.flat[: len(display.images)]:
        x, y = hottest(axes)
        assert abs(x - place[0]) * width <= side / 12 + slack
        assert abs(y - place[1]) * height <= side / 6 + slack


@pytest.mark.parametrize(("shape", "x", "y"), PLACES)
@pytest.mark.parametrize("model", ["pipeline", "search", "classifier"])
def test_the_heat_is_where_the_bar_is(models, model, shape, x, y):
    images = [bar(*shape, label, x, y) for label in (0, 1)]
    display = PredictionGridDisplay.from_estimator(
        models[model], images, [0, 1], show="first", maps=True
    )
    assert display.y_pred.tolist() == [0, 1]
    assert_heat_is_at(display, (x, y), shape)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_heat_is_right_in_a_rotated_jpeg_that_is_decoded_small(models, orientation, tmp_path):
    turned = {1: None, 3: Image.ROTATE_180, 6: Image.ROTATE_90, 8: Image.ROTATE_270}[orientation]
    upright = Image.fromarray(bar(320, 1280, 0, 0.47, 0.6))
    stored = upright if turned is None else upright.transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "bar.jpg", quality=95, exif=exif)
    paths = [tmp_path / "bar.jpg"]
    model = models["classifier"]
    at_least = model.frozen_pass().preprocessing.at_least
    assert as_images(paths).open(0).decode(at_least).shape == (160, 640, 3)  # the network's
    display = PredictionGridDisplay.from_estimator(model, paths, [0], show="first", maps=True)
    assert display.images[0].shape == (320, 1280, 3)
    assert_heat_is_at(display, (0.47, 0.6), (320, 1280))


def test_the_heat_is_right_on_lines_of_pixels():
    y = np.arange(20) % 2
    X = np.full((20, 240), 0.5, dtype=np.float32)
    starts = np.random.default_rng(0).integers(20, 200, 20)
    for row, label, start in zip(X, y, starts, strict=True):
        row[start : start + 20] = label
    extractor = ConvFeatureExtractor(NormNet, image_size=48, image_shape="strip")
    pipeline = make_pipeline(extractor, LogisticRegression(C=1e4, max_iter=5000)).fit(X, y)
    display = PredictionGridDisplay.from_estimator(
        pipeline, X, y, show="first", n_images=8, maps=True
    )
    np.testing.assert_array_equal(display.boxes, [[0, 0, 1, 1]] * 8)
    for axes, start in zip(display.ax_.flat, starts, strict=False):
        assert start - 10 <= hottest(axes)[0] * 240 <= start + 30  # a position has 10 pixels
        assert axes.get_images()[0].get_array().shape == (56, 224, 3)


@pytest.mark.parametrize("shape", [(48, 192), (192, 48), (48, 48)])
def test_all_but_the_map_is_pale(models, shape):
    black = np.zeros((*shape, 3), dtype=np.uint8)
    display = PredictionGridDisplay.from_estimator(
        models["pipeline"], [black], [0], show="first", maps=True
    )
    axes = display.ax_[0, 0]
    height, width = axes.get_images()[0].get_array().shape[:2]
    assert axes.get_xlim() == (-0.5, width - 0.5)  # all of the picture is shown
    assert axes.get_ylim() == (height - 0.5, -0.5)
    file = io.BytesIO()
    axes.set_title("", loc="left")
    display.figure_.savefig(file, dpi=100)
    drawn = np.asarray(Image.open(file).convert("L"))
    box = axes.get_window_extent()
    top, left = drawn.shape[0] - box.y1, box.x0
    rows = (np.arange(drawn.shape[0]) + 0.5 - top) / box.height
    columns = (np.arange(drawn.shape[1]) + 0.5 - left) / box.width
    x0, y0, x1, y1 = display.boxes[0]
    in_box = _between(rows, y0, y1)[:, None] & _between(columns, x0, x1)
    in_picture = _between(rows, 0, 1)[:, None] & _between(columns, 0, 1)
    near_row, near_column = 2 / box.height, 2 / box.width  # edges are drawn smoothly
    near = _near(rows, (0, y0, y1, 1), near_row)[:, None] | _near(
        columns, (0, x0, x1, 1), near_column
    )
    pale = drawn[in_picture & ~in_box & ~near]
    np.testing.assert_allclose(pale, 0.65 * 255, atol=1)
    assert drawn[in_box & ~near].mean() < 100
    assert len(pale) > 0.1 * in_picture.sum()


def _between(x, low, high):
    return (x > low) & (x < high)


def _near(x, edges, distance):
    return np.abs(x[:, None] - np.array(edges)).min(axis=1) < distance


def test_a_map_without_a_box_covers_the_whole_image():
    X, y = study(2, 2)
    display = PredictionGridDisplay(images=X, y_true=y, y_pred=y, maps=np.ones((2, 4, 5))).plot()
    _, heat = display.ax_[0, 0].get_images()
    assert heat.get_extent() == [-0.5, 29.5, 23.5, -0.5]
    assert not display.ax_[0, 0].patches
