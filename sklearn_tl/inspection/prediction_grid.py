"""`PredictionGridDisplay`: images with what a classifier says about them, and why."""

import textwrap
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_tl._utils import check_option
from sklearn_tl.images import ImageSequence, as_images
from sklearn_tl.inspection.activation_maps import maps_of_images
from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import shortened, thumbnail
from sklearn_tl.inspection.reading import images_as_read_by, visible_boxes

ORDERS = ("wrong", "unsure", "first")
COLUMNS = 4
SIDE = 224  # of a drawn image, in pixels


class PredictionGridDisplay(Display):
    """Images with their predicted label, its probability and the true label.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, 3)
        The images to show, in order.
    y_true : array-like of shape (n_images,)
        True labels.
    y_pred : array-like of shape (n_images,)
        Predicted labels.
    confidences : ndarray of shape (n_images,) or None, default=None
        Probability of the predicted class. None shows none.
    positions : ndarray of shape (n_images,) or None, default=None
        The index of each image in the user's X.
    maps : ndarray of shape (n_images, map_height, map_width) or None, default=None
        Class activation maps, which are laid over the images.
    boxes : ndarray of shape (n_images, 4) or None, default=None
        The part of each image that the network sees, and that its map covers: the left, top, right
        and bottom edge as fractions of the image's width and height. The rest is drawn pale. None
        is the whole image.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
        One per image, and possibly more.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from sklearn_tl import PredictionGridDisplay
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> X = load_photo_patches().images[:4]
    >>> y_true, probabilities = ["cat", "dog", "cat", "dog"], [[1, 0], [0.8, 0.2]] * 2
    >>> display = PredictionGridDisplay.from_predictions(X, y_true, probabilities)
    >>> display.positions.tolist()
    [1, 3]
    """

    def __init__(
        self,
        *,
        images: Sequence[np.ndarray],
        y_true: Any,
        y_pred: Any,
        confidences: np.ndarray | None = None,
        positions: np.ndarray | None = None,
        maps: np.ndarray | None = None,
        boxes: np.ndarray | None = None,
    ) -> None:
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.confidences = confidences
        self.positions = positions
        self.maps = maps
        self.boxes = boxes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        show: str = "wrong",
        n_images: int = 12,
        maps: bool = False,
        ax: Any = None,
    ) -> Self:
        """Draw images with the predictions of a fitted classifier.

        Parameters
        ----------
        estimator : classifier with `predict_proba`
            A fitted classifier, pipeline or search.
        X : images
            In any form that `estimator` accepts.
        y : array-like of shape (n_images,)
            True labels.
        show : {"wrong", "unsure", "first"}, default="wrong"
            Which images to show. "wrong": the misclassified ones, those with the highest
            probability first. "unsure": all of them, those with the lowest probability first.
            "first": the first ones of `X`.
        n_images : int, default=12
            The largest number of images to show.
        maps : bool, default=False
            Whether to lay a heat map over each image, which shows the parts that speak for the
            predicted class. The map covers the part of the image that the network sees. The rest
            is drawn pale. See :func:`class_activation_maps` for the estimators that have maps.
        ax : array-like of matplotlib Axes, default=None
            The Axes to draw on, at least one per image. None makes a new figure.

        Returns
        -------
        display : PredictionGridDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `show` or `n_images` is wrong, there is not one label per image, or the estimator
            has no maps.
        TypeError
            If `maps=True` and `estimator` is of another kind than those that have maps.
        """
        _check_choice(show, n_images)
        probabilities, images = estimator.predict_proba(X), images_as_read_by(estimator, X)
        display = cls._chosen(images, y, probabilities, estimator.classes_, show, n_images)
        if maps and len(display.images):
            shown = images.take(np.asarray(display.positions))
            display.maps = maps_of_images(estimator, shown, display.y_pred)
            display.boxes = visible_boxes(estimator, display.images)
        return display.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y_true: Any,
        probabilities: Any,
        *,
        classes: Any = None,
        show: str = "wrong",
        n_images: int = 12,
        ax: Any = None,
    ) -> Self:
        """Draw images with probabilities that were computed before, for example on other folds.

        Parameters
        ----------
        X : images
            In any form that :class:`ConvFeatureExtractor` accepts.
        y_true : array-like of shape (n_images,)
            True labels.
        probabilities : array-like of shape (n_images, n_classes)
            One column per class.
        classes : array-like of shape (n_classes,), default=None
            The labels, in the order of the columns. None takes the sorted labels of `y_true`.
        show : {"wrong", "unsure", "first"}, default="wrong"
            As in :meth:`from_estimator`.
        n_images : int, default=12
            The largest number of images to show.
        ax : array-like of matplotlib Axes, default=None
            The Axes to draw on, at least one per image. None makes a new figure.

        Returns
        -------
        display : PredictionGridDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `show` or `n_images` is wrong, or the numbers of images, labels, classes and
            probabilities do not fit together.
        """
        _check_choice(show, n_images)
        classes = np.unique(y_true) if classes is None else np.asarray(classes)
        display = cls._chosen(as_images(X), y_true, probabilities, classes, show, n_images)
        return display.plot(ax=ax)

    @classmethod
    def _chosen(
        cls,
        images: ImageSequence,
        y_true: Any,
        probabilities: Any,
        classes: np.ndarray,
        show: str,
        n_images: int,
    ) -> Self:
        """Return a display of the images that `show` names."""
        y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
        expected = (len(images), len(classes))
        if probabilities.shape != expected or y_true.shape != expected[:1]:
            raise ValueError(
                f"Found {len(images)} images, labels of shape {y_true.shape}, probabilities of "
                f"shape {probabilities.shape} and {len(classes)} classes. Expected one label per "
                "image, and probabilities of shape (n_images, n_classes). If a class has no image "
                "in y_true, pass classes=."
            )
        y_pred, confidences = classes[probabilities.argmax(axis=1)], probabilities.max(axis=1)
        if show == "wrong":
            wrong = np.flatnonzero(y_pred != y_true)
            positions = wrong[np.argsort(-confidences[wrong], kind="stable")]
        elif show == "unsure":
            positions = np.argsort(confidences, kind="stable")
        else:
            positions = np.arange(len(y_true))
        positions = positions[:n_images]
        return cls(
            images=[images.open(i).decode(at_least=2 * SIDE) for i in positions],
            y_true=y_true[positions],
            y_pred=y_pred[positions],
            confidences=confidences[positions],
            positions=positions,
        )

    def _canvas(self) -> Canvas:
        n = max(1, len(self.images))
        columns = min(COLUMNS, n)
        rows = -(-n // columns)
        return Canvas(shape=(rows, columns), size=(2.5 * columns, 2.95 * rows), at_least=n)

    def _draw(self) -> None:
        for axes in self.ax_.flat:
            axes.set_axis_off()
            axes.set_anchor("NW")  # so that the title of a narrow image has the whole width
        if len(self.images) == 0:
            self.ax_.flat[0].set_title("No image is misclassified", fontsize="small")
        for i, (pixels, axes) in enumerate(zip(self.images, self.ax_.flat, strict=False)):
            picture = thumbnail(pixels, SIDE)
            axes.imshow(picture)
            if self.maps is not None:
                box = (0, 0, 1, 1) if self.boxes is None else self.boxes[i]
                _draw_map(axes, self.maps[i], box, *picture.shape[:2])
            axes.set_title(self._title(i), fontsize="small", loc="left")

    def _title(self, i: int) -> str:
        right = self.y_pred[i] == self.y_true[i]
        sure = "" if self.confidences is None else f" ({self.confidences[i]:.2f})"
        predicted = textwrap.fill(f"{'✓' if right else '✗'} {shortened(self.y_pred[i])}{sure}", 30)
        return predicted if right else f"{predicted}\ntrue: {shortened(self.y_true[i], 24)}"


def _check_choice(show: str, n_images: int) -> None:
    check_option("show", show, ORDERS)
    if n_images < 1:
        raise ValueError(f"n_images={n_images!r} must be at least 1.")


def _draw_map(axes: Any, values: np.ndarray, box: Any, height: int, width: int) -> None:
    """Lay a map over its part of a picture, and make the rest of the picture pale."""
    from matplotlib.patches import Rectangle

    # For matplotlib the first pixel of a picture is centred at 0 and begins at -0.5.
    left, top, right, bottom = np.multiply(box, (width, height, width, height)) - 0.5
    axes.imshow(
        values,
        cmap="inferno",
        alpha=0.5,
        extent=(left, right, bottom, top),
        interpolation="bilinear",
    )
    end_x, end_y = width - 0.5, height - 0.5
    for x0, y0, x1, y1 in (
        (-0.5, -0.5, end_x, top),
        (-0.5, bottom, end_x, end_y),
        (-0.5, top, left, bottom),
        (right, top, end_x, bottom),
    ):
        if x1 > x0 and y1 > y0:
            pale = Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor="white", alpha=0.65, linewidth=0)
            axes.add_patch(pale)
    axes.set(xlim=(-0.5, end_x), ylim=(end_y, -0.5))  # imshow has set those of the map
