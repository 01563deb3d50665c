"""`LabelScoresDisplay`: how well a classifier finds each of several labels."""

from typing import Any, Self

import numpy as np

from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, shortened
from sklearn_tl.inspection.reading import indicator_matrix, names_for, names_of_outputs
from sklearn_tl.targets import average_precisions, label_probabilities

MANY = 40  # labels, for which bars are drawn closer together


class LabelScoresDisplay(Display):
    """The average precision of each label, next to what chance would give.

    Parameters
    ----------
    names : list of str
        The names of the labels.
    scores : ndarray of shape (n_labels,)
        The average precision of each label. NaN if no image has the label.
    counts : ndarray of shape (n_labels,)
        The number of images with each label.
    n_images : int
        The number of all images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the bars, the highest score at the top.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    See Also
    --------
    PredictionGridDisplay : The images whose labels are wrong.

    Notes
    -----
    The average precision of random probabilities is about the share of images that have the label.
    A line on each bar marks this share: a bar that ends at its line is no better than chance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import LabelScoresDisplay
    >>> y_true = np.array([[1, 0], [0, 1], [1, 1], [1, 0]])
    >>> probabilities = np.array([[0.9, 0.2], [0.3, 0.4], [0.8, 0.9], [0.7, 0.6]])
    >>> display = LabelScoresDisplay.from_predictions(
    ...     y_true, probabilities, target_names=["indoors", "people"]
    ... )
    >>> display.scores.round(2)
    array([1.  , 0.83])
    """

    def __init__(
        self, *, names: list[str], scores: np.ndarray, counts: np.ndarray, n_images: int
    ) -> None:
        self.names = names
        self.scores = scores
        self.counts = counts
        self.n_images = n_images

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, target_names: Any = None, ax: Any = None
    ) -> Self:
        """Draw the average precision of each label that a fitted classifier predicts.

        Parameters
        ----------
        estimator : classifier with `predict_proba`
            A fitted classifier of several labels per image, a pipeline or a search.
        X : images
            In any form that `estimator` accepts. Take images that were not trained on.
        y : array-like of shape (n_images, n_labels)
            The indicator matrix of the true labels.
        target_names : array-like of str of shape (n_labels,), default=None
            The names of the labels. None takes the columns of `y` if it is a table, or the names
            that `estimator` knows.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : LabelScoresDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y` is not an indicator matrix, or does not fit to the estimator or the names.
        """
        truth, names = indicator_matrix(y), names_for(estimator, y, target_names)
        probabilities = label_probabilities(estimator, X)
        return cls.from_predictions(truth, probabilities, target_names=names, ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: Any, probabilities: Any, *, target_names: Any = None, ax: Any = None
    ) -> Self:
        """Draw the average precision of probabilities that were computed before.

        Parameters
        ----------
        y_true : array-like of shape (n_images, n_labels)
            The indicator matrix of the true labels.
        probabilities : array-like of shape (n_images, n_labels)
            One column per label. Other scores will do if they are higher for images that rather
            have the label.
        target_names : array-like of str of shape (n_labels,), default=None
            The names of the labels. None takes the columns of `y_true` if it is a table.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : LabelScoresDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `y_true` is not an indicator matrix, or the shapes do not fit together.
        """
        truth, probabilities = indicator_matrix(y_true), np.asarray(probabilities)
        if truth.shape != probabilities.shape or truth.size == 0:
            raise ValueError(
                f"Found y_true of shape {truth.shape} and probabilities of shape "
                f"{probabilities.shape}. Expected one row per image and one column per label in "
                "both."
            )
        return cls(
            names=names_of_outputs(y_true, target_names, truth.shape[1], "label"),
            scores=average_precisions(truth, probabilities),
            counts=truth.sum(axis=0),
            n_images=len(truth),
        ).plot(ax=ax)

    def _canvas(self) -> Canvas:
        n = len(self.names)
        return Canvas(shape=(), size=(8, (0.32 if n <= MANY else 0.17) * n + 1.4))

    def _draw(self) -> None:
        order = np.argsort(-self.scores, kind="stable")  # NaN comes last
        scores, counts = self.scores[order], self.counts[order]
        at, is_tested = np.arange(len(order)), counts > 0
        chance = counts / self.n_images
        size = "medium" if len(order) <= MANY else "x-small"
        self.ax_.barh(at[is_tested], scores[is_tested], height=0.62, color=colour(0), alpha=0.55)
        self.ax_.vlines(
            chance[is_tested], at[is_tested] - 0.42, at[is_tested] + 0.42, color=colour(1), lw=2.5
        )
        for i in at[~is_tested]:
            self.ax_.text(0.01, i, "not tested", va="center", color="0.4", fontsize=size)
        names = [shortened(self.names[j]) for j in order]
        self.ax_.set_yticks(at, names, fontsize=size)
        self.ax_.set(xlim=(0, 1), ylim=(len(order) - 0.4, -0.6))
        self.ax_.set_xlabel(
            "average precision (bars), and share of images with the label,\n"
            "which is the average precision of chance (lines)"
        )
        right = self.ax_.secondary_yaxis("right")
        right.set_yticks(at, [f"{count:,}" for count in counts], fontsize=size)
        right.tick_params(length=0)
        right.set_ylabel(f"images (of {self.n_images:,})")
