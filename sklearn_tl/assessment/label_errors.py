"""Which labels are probably wrong, from what a model says that was trained on other images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_tl.assessment.inputs import are_judged, as_binary, read_probabilities
from sklearn_tl.assessment.label_noise import fit_noise
from sklearn_tl.assessment.temperature import apply_temperature

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Labels that are probably wrong, the most suspicious one first.

    Attributes
    ----------
    positions : ndarray of int of shape (n_listed,)
        The index of each listed image. With several labels, an image may be listed more than once.
    given : ndarray of shape (n_listed,)
        The label that the image has. With several labels, 0 or 1.
    suggested : ndarray of shape (n_listed,)
        The most probable other label. With several labels, 1 or 0.
    labels : ndarray of shape (n_listed,) or None
        With several labels, the name of the label in question, or its column. None otherwise.
    sureness : ndarray of float of shape (n_listed,)
        One minus the calibrated probability of the given label, from 0 to 1.
    ranking : ndarray of int of shape (n_images,)
        All images, from the most to the least suspicious. It begins with the listed ones.
    not_judged : ndarray of int of shape (n_not_judged,)
        Images with a label that was never seen in training, so that nothing can be said about it.
    noise : float
        The estimated share of wrong labels, at most 0.3. It is 0 if the probabilities explain all
        labels.
    false_alarms : float
        The share of images that are expected to be listed if all labels are right.
    n_images : int
        The number of all images.
    """

    positions: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    labels: np.ndarray | None
    sureness: np.ndarray
    ranking: np.ndarray
    not_judged: np.ndarray
    noise: float
    false_alarms: float
    n_images: int

    def to_frame(self, paths: Any = None) -> "pd.DataFrame":
        """Return the list as a table.

        Parameters
        ----------
        paths : array-like of shape (n_images,), default=None
            Adds the path of each listed image.

        Returns
        -------
        frame : pandas.DataFrame
            One row per listed label.

        Raises
        ------
        ValueError
            If there is not one path per image.
        """
        import pandas as pd

        columns: dict[str, Any] = {"position": self.positions}
        if paths is not None:
            if len(paths) != self.n_images:
                raise ValueError(
                    f"paths has {len(paths)} values for {self.n_images} images. Pass one path per "
                    "image, in the order of y."
                )
            columns["path"] = [str(paths[i]) for i in self.positions]
        if self.labels is not None:
            columns["label"] = self.labels
        columns |= {"given": self.given, "suggested": self.suggested, "sureness": self.sureness}
        return pd.DataFrame(columns)

    def summary(self) -> str:
        """Say in one or two lines how many labels are suspicious."""
        n, by_chance = len(self.positions), self.false_alarms * self.n_images
        text = (
            f"{n} of {self.n_images} images have a suspicious label. About {by_chance:.3g} would "
            "be listed if all labels were right."
        )
        if self.labels is not None:
            text = text.replace(
                f"{n} of {self.n_images} images have",
                f"{n} labels of {len(np.unique(self.positions))} of {self.n_images} images have",
            )
        if len(self.not_judged):
            text += (
                f" {len(self.not_judged)} images were not judged, because no model was trained on "
                "other images of their class."
            )
        return text


def find_label_errors(
    y: Any, probabilities: Any, classes: Any = None, *, false_alarms: float = 0.01
) -> LabelErrors:
    """Find images whose label is probably wrong.

    The images are ranked by the probability of their own label, after a temperature has corrected
    the probabilities. The temperature is fitted together with a share of labels that are wrong at
    random, so that the wrong labels do not make the probabilities less sure. An image is listed if
    its label is less probable than all but a share `false_alarms` of the labels that would be drawn
    with these probabilities. A model that knows little lists few images.

    Parameters
    ----------
    y : array-like of shape (n_images,) or (n_images, n_labels)
        The labels to check, or an indicator matrix.
    probabilities : array-like of shape (n_images, n_classes) or (n_images, n_labels)
        Of a model that was trained on other images, for example
        ``StrategyComparison.probabilities_[name]``. A model knows the labels of the images that it
        was trained on by heart, even the wrong ones.
    classes : array-like of shape (n_classes,), default=None
        The label of each column. None takes the sorted labels of `y`.
    false_alarms : float, default=0.01
        The share of images that is expected to be listed if all labels are right. A larger share
        also lists more of the wrong labels.

    Returns
    -------
    errors : LabelErrors

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not a probability, or `false_alarms` is not in (0, 1).

    References
    ----------
    Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels"
    (Journal of Artificial Intelligence Research, 2021). The ranking is their self-confidence.

    Examples
    --------
    >>> from sklearn_tl.assessment import find_label_errors
    >>> y = ["cat"] * 50 + ["dog"] * 50
    >>> probabilities = [[0.9, 0.1]] * 45 + [[0.3, 0.7]] * 5 + [[0.1, 0.9]] * 50
    >>> probabilities[7] = [0.01, 0.99]
    >>> errors = find_label_errors(y, probabilities)
    >>> errors.positions.tolist(), errors.given.tolist(), errors.suggested.tolist()
    ([7], ['cat'], ['dog'])
    """
    if not 0 < false_alarms < 1:
        raise ValueError(
            f"false_alarms={false_alarms!r} must be a share between 0 and 1, for example 0.01."
        )
    targets, given_rows, names, task = read_probabilities(y, probabilities, classes)
    codes, rows = as_binary(targets, given_rows, task)
    n_images, each = len(targets), np.arange(len(codes))
    judged = are_judged(codes, rows, len(names) if task == "multilabel" else 1)
    temperature, noise = fit_noise(codes[judged], rows[judged])
    rows = apply_temperature(rows, temperature)
    own = rows[each, codes]
    listed = judged & (_chance_of_less(rows, own) * len(codes) / n_images <= false_alarms)
    order = np.lexsort((own, ~listed, ~judged))
    top = order[: listed.sum()]
    rows[each, codes] = -1
    suggested = rows.argmax(axis=1)
    images = np.arange(n_images)
    is_matrix = task == "multilabel"
    if is_matrix:
        images = images.repeat(len(names))
    return LabelErrors(
        positions=images[top],
        given=codes[top] if is_matrix else names[codes[top]],
        suggested=suggested[top] if is_matrix else names[suggested[top]],
        labels=np.tile(names, n_images)[top] if is_matrix else None,
        sureness=1 - own[top],
        ranking=images[order][np.sort(np.unique(images[order], return_index=True)[1])],
        not_judged=np.unique(images[~judged]),
        noise=noise,
        false_alarms=false_alarms,
        n_images=n_images,
    )


def _chance_of_less(rows: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return how often a label that is drawn with the probabilities of its row is as improbable.

    Parameters
    ----------
    rows : ndarray of shape (n, n_classes)
    own : ndarray of shape (n,)
        The probability of each given label.
    """
    ascending = np.sort(rows, axis=None)
    total = np.cumsum(ascending)
    return total[np.searchsorted(ascending, own, side="right") - 1] / len(rows)
