"""`PredictionGridDisplay`: images with what a model says about them, and why."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_tl._utils import check_option
from sklearn_tl.images import ImageSequence, as_images
from sklearn_tl.inspection.activation_maps import maps_of_images
from sklearn_tl.inspection.answers import Answers
from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import draw_map, short_path, thumbnail
from sklearn_tl.inspection.kinds_of_answers import (
    KINDS,
    predict,
    read_answers,
    task_of,
    task_of_shapes,
)
from sklearn_tl.inspection.reading import (
    images_as_read_by,
    names_for,
    trained_on,
    visible_boxes,
)

ORDERS = ("wrong", "unsure", "first")
COLUMNS = 4
SIDE = 224  # of a drawn image, in pixels
WIDTH = 34  # characters of a title


class PredictionGridDisplay(Display):
    """Images with their prediction, its probability, the true value, and the name of the file.

    Parameters
    ----------
    images : sequence of ndarray of shape (height, width, 3)
        The images to show, in order.
    y_true : array-like of shape (n_images,) or (n_images, n_outputs)
        True labels, indicator matrix or numbers.
    y_pred : array-like of shape (n_images,) or (n_images, n_outputs)
        The predictions, in the form of `y_true`.
    confidences : ndarray of shape (n_images,) or (n_images, n_labels), or None, default=None
        Probability of the predicted class, or of each label. None shows none.
    positions : ndarray of shape (n_images,) or None, default=None
        The index of each image in the user's X.
    maps : ndarray of shape (n_images, map_height, map_width) or None, default=None
        Class activation maps, which are laid over the images.
    boxes : ndarray of shape (n_images, 4) or None, default=None
        The part of each image that the network sees, and that its map covers: the left, top, right
        and bottom edge as fractions of the image's width and height. The rest is drawn pale. None
        is the whole image.
    task : {"classification", "multilabel", "regression"}, default="classification"
        What `y_true` stands for.
    target_names : list of str or None, default=None
        The names of the labels or of the numbers.
    paths : list of (str or None) or None, default=None
        The path of each image. The index in the user's X is drawn for images without a path.
    note : str or None, default=None
        A title of the figure.

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
        task: str = "classification",
        target_names: list[str] | None = None,
        paths: Sequence[str | None] | None = None,
        note: str | None = None,
    ) -> None:
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.confidences = confidences
        self.positions = positions
        self.maps = maps
        self.boxes = boxes
        self.task = task
        self.target_names = target_names
        self.paths = paths
        self.note = note

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        target_names: Any = None,
        show: str = "wrong",
        n_images: int = 12,
        maps: bool = False,
        ax: Any = None,
    ) -> Self:
        """Draw images with the predictions of a fitted estimator.

        A title of the figure says so if the estimator was trained on these images.

        Parameters
        ----------
        estimator : classifier with `predict_proba`, or regressor
            A fitted estimator, pipeline or search.
        X : images
            In any form that `estimator` accepts.
        y : array-like of shape (n_images,) or (n_images, n_outputs)
            True labels, an indicator matrix, or numbers.
        target_names : array-like of str of shape (n_outputs,), default=None
            The names of the labels or of the numbers. None takes the columns of `y` if it is a
            table, or the names that `estimator` knows.
        show : {"wrong", "unsure", "first"}, default="wrong"
            Which images to show. "wrong": of a classifier the images with a wrong class or label,
            those with the most confident error first; of a regressor those with the largest
            absolute error first. Errors of several numbers are compared in standard deviations of
            each target. "unsure": all images, those with the least confident prediction first.
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
            If `show` or `n_images` is wrong, `y` does not fit to the images or the estimator, or
            the estimator has no maps.
        TypeError
            If `estimator` is a classifier without probabilities, or if `maps=True` and `estimator`
            is of another kind than those that have maps.
        """
        task = task_of(estimator, y)
        _check_choice(task, show, n_images)
        if maps and task != "classification":
            raise TypeError(
                "Expected maps=False. Maps are only made for classifiers with one class per image, "
                f"and this {type(estimator).__name__} predicts "
                f"{'several labels' if task == 'multilabel' else 'numbers'}."
            )
        predicted, images = predict(task, estimator, X), images_as_read_by(estimator, X)
        classes = getattr(estimator, "classes_", None)
        names = names_for(estimator, y, target_names)
        answers = read_answers(task, len(images), y, predicted, classes, names)
        display = cls._chosen(images, answers, show, n_images)
        display.note = trained_on(estimator, images)
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
        predicted: Any,
        *,
        task: str | None = None,
        classes: Any = None,
        target_names: Any = None,
        show: str = "wrong",
        n_images: int = 12,
        ax: Any = None,
    ) -> Self:
        """Draw images with predictions that were computed before, for example on other folds.

        Parameters
        ----------
        X : images
            In any form that :class:`ConvFeatureExtractor` accepts.
        y_true : array-like of shape (n_images,) or (n_images, n_outputs)
            True labels, an indicator matrix, or numbers.
        predicted : array-like of shape (n_images, n_classes), (n_images, n_labels) or as `y_true`
            Probabilities with one column per class or per label; or the numbers that a regressor
            predicts.
        task : {"classification", "multilabel", "regression"} or None, default=None
            What `y_true` stands for. None guesses: a `predicted` with one dimension is numbers; a
            `y_true` with several columns is an indicator matrix or numbers; and all else is
            classes.
        classes : array-like of shape (n_classes,), default=None
            The labels, in the order of the columns. None takes the sorted labels of `y_true`.
        target_names : array-like of str of shape (n_outputs,), default=None
            The names of the labels or of the numbers. None takes the columns of `y_true` if it is
            a table.
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
            If `task`, `show` or `n_images` is wrong, or the numbers of images, labels, classes and
            predictions do not fit together.
        """
        if task is None:
            task = task_of_shapes(y_true, predicted)
        check_option("task", task, KINDS)
        _check_choice(task, show, n_images)
        images = as_images(X)
        answers = read_answers(task, len(images), y_true, predicted, classes, target_names)
        return cls._chosen(images, answers, show, n_images).plot(ax=ax)

    @classmethod
    def _chosen(cls, images: ImageSequence, answers: Answers, show: str, n_images: int) -> Self:
        """Return a display of the images that `show` names."""
        positions = answers.order(show)[:n_images]
        shown = answers.take(positions)
        return cls(
            images=[images.open(i).decode(at_least=2 * SIDE) for i in positions],
            y_true=shown.y_true,
            y_pred=shown.y_pred,
            confidences=shown.confidences,
            positions=positions,
            task=shown.task,
            target_names=shown.names,
            paths=[images.path(i) for i in positions],
        )

    def _titles(self) -> list[str]:
        kind = KINDS[self.task]
        answers = kind(self.y_true, self.y_pred, self.confidences, self.target_names)
        return ["\n".join([answers.title(i), *self._name(i)]) for i in range(len(self.images))]

    def _name(self, i: int) -> list[str]:
        """Return the line with the file or the index of an image, if one is known."""
        path = None if self.paths is None else self.paths[i]
        if path is not None:
            return [short_path(path, WIDTH).replace("$", r"\$")]
        return [] if self.positions is None else [f"X[{self.positions[i]}]"]

    def _canvas(self) -> Canvas:
        n = max(1, len(self.images))
        columns = min(COLUMNS, n)
        rows = -(-n // columns)
        lines = max([2, *(title.count("\n") + 1 for title in self._titles())])
        height = 2.95 + 0.15 * (lines - 2) if len(self.images) else 0.5
        return Canvas(shape=(rows, columns), size=(2.5 * columns, height * rows), at_least=n)

    def _draw(self) -> None:
        for axes in self.ax_.flat:
            axes.set_axis_off()
            axes.set_anchor("NW")  # so that the title of a narrow image has the whole width
        if self.note is not None:
            self.figure_.suptitle(self.note, fontsize="medium")
        if len(self.images) == 0:
            self.ax_.flat[0].set_title(KINDS[self.task].no_errors, fontsize="small")
        shown = zip(self.images, self._titles(), self.ax_.flat, strict=False)
        for i, (pixels, title, axes) in enumerate(shown):
            picture = thumbnail(pixels, SIDE)
            axes.imshow(picture)
            if self.maps is not None:
                box = (0, 0, 1, 1) if self.boxes is None else self.boxes[i]
                draw_map(axes, self.maps[i], box, *picture.shape[:2])
            axes.set_title(title, fontsize="small", loc="left")


def _check_choice(task: str, show: str, n_images: int) -> None:
    check_option("show", show, ORDERS)
    if show not in KINDS[task].orders:
        raise ValueError(
            f"show={show!r} needs probabilities, which a regression does not have. Expected "
            'show="wrong" for the largest errors, or show="first".'
        )
    if n_images < 1:
        raise ValueError(f"n_images={n_images!r} must be at least 1.")
