"""How the points of a map are coloured: by class, by rarest label, or by number."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import LabelEncoder

from sklearn_tl.inspection.drawing import colour, marker, shortened
from sklearn_tl.inspection.reading import (
    as_array,
    indicator_matrix,
    names_of_outputs,
    numbers_of,
)

POINT = {"s": 28, "edgecolor": "white", "linewidth": 0.4}
NAMES_PER_COLUMN = 22  # of a legend
MOST_NAMED = 2 * NAMES_PER_COLUMN


class Drawn(NamedTuple):
    """Points that were drawn.

    Attributes
    ----------
    colours : list
        The colour of each point.
    words : str
        What the colours are, if the legend does not say so.
    """

    colours: list
    words: str


def draw_points(axes: Any, points: np.ndarray, y: Any, task: str, names: Any) -> Drawn:
    """Draw points in the colours of their targets, with a legend or a scale.

    Parameters
    ----------
    axes : matplotlib Axes
    points : ndarray of shape (n_images, 2)
    y : array-like of shape (n_images,) or (n_images, n_outputs)
    task : {"classification", "multilabel", "regression"}
    names : list of str or None
        Names of labels or numbers.
    """
    if task == "regression":
        return _draw_numbers(axes, points, y, names)
    if task == "multilabel":
        matrix = indicator_matrix(y)
        names = names_of_outputs(y, names, matrix.shape[1], "label")
        codes = rarest_labels(matrix)
        return Drawn(_draw_groups(axes, points, codes, [*names, "no label"]), "by rarest label")
    encoder = LabelEncoder()
    codes = encoder.fit_transform(np.ravel(as_array(y)))
    return Drawn(_draw_groups(axes, points, codes, encoder.classes_), "")


def rarest_labels(matrix: np.ndarray) -> np.ndarray:
    """Return which of its labels is the rarest for each image, or n_labels if it has none."""
    rarest = np.where(matrix == 1, matrix.sum(axis=0), np.inf).argmin(axis=1)
    return np.where(matrix.any(axis=1), rarest, matrix.shape[1])


def _draw_groups(axes: Any, points: np.ndarray, codes: np.ndarray, names: Any) -> list[str]:
    """Draw each group in its own colour and marker, and return the colour of each point."""
    groups = np.unique(codes)  # some label may be nobody's rarest
    looks = [
        axes.scatter(*points[codes == i].T, color=colour(i), marker=marker(i), **POINT)
        for i in groups
    ]
    # A longer legend would be higher than the map, and press it flat.
    n_shown = min(len(groups), MOST_NAMED)
    n_columns = -(-n_shown // NAMES_PER_COLUMN)
    axes.legend(
        looks[:n_shown],
        [shortened(names[i], 28 if n_columns == 1 else 20) for i in groups[:n_shown]],
        title=f"The first {n_shown} of {len(groups)}" if n_shown < len(groups) else None,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        fontsize="small",
        ncols=n_columns,
        columnspacing=0.8,
        handletextpad=0.2,
    )
    return [colour(i) for i in codes]


def _draw_numbers(axes: Any, points: np.ndarray, y: Any, names: Any) -> Drawn:
    """Draw points with a scale of colours for their number, the first one if there are several."""
    numbers = numbers_of(y, "y").reshape(len(points), -1)
    names = names_of_outputs(y, names, numbers.shape[1], "target")
    drawn = axes.scatter(*points.T, c=numbers[:, 0], cmap="viridis", **POINT)
    scale = axes.figure.colorbar(drawn, ax=axes, pad=0.02)
    is_named = numbers.shape[1] > 1 or names != ["target 0"]
    scale.set_label(shortened(names[0]) if is_named else "target")
    words = f"by the first of {numbers.shape[1]} targets" if numbers.shape[1] > 1 else ""
    return Drawn(list(drawn.cmap(drawn.norm(numbers[:, 0]))), words)
