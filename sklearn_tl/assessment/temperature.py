"""One number, the temperature, that makes all probabilities less or more extreme."""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from sklearn_tl._utils import check_option

SMALLEST = float(np.finfo(float).eps)  # of a probability; scikit-learn's log_loss has the same
TEMPERATURES = (0.05, 20.0)


def apply_temperature(
    probabilities: Any, temperature: float, *, task: str = "classification"
) -> np.ndarray:
    """Return probabilities at another temperature.

    The order of the classes of an image stays as it is, and so do the predictions.

    Parameters
    ----------
    probabilities : array-like of shape (n_images, n_classes) or (n_images, n_labels)
        As `predict_proba` returns them.
    temperature : float
        Above 1, probabilities move towards each other. Below 1, they move apart.
    task : {"classification", "multilabel"}, default="classification"
        "multilabel" treats each label by itself.

    Returns
    -------
    probabilities : ndarray of the same shape

    Raises
    ------
    ValueError
        If `temperature` is not a positive number.

    Examples
    --------
    >>> from sklearn_tl.assessment import apply_temperature
    >>> apply_temperature([[0.9, 0.1]], temperature=2).round(2)
    array([[0.75, 0.25]])
    """
    check_option("task", task, ("classification", "multilabel"))
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature={temperature!r} must be a positive number.")
    rows = np.asarray(probabilities, dtype=float)
    if task == "multilabel":
        return apply_temperature(np.stack([1 - rows, rows], axis=-1), temperature)[..., 1]
    return softmax(np.log(rows.clip(SMALLEST)) / temperature, axis=-1)


def fit_temperature(codes: np.ndarray, rows: np.ndarray) -> float:
    """Return the temperature, from 0.05 to 20, with the lowest log loss."""
    images = np.arange(len(codes))

    def loss(logarithm: float) -> float:
        tempered = apply_temperature(rows, np.exp(logarithm))
        return -np.log(tempered[images, codes].clip(SMALLEST)).mean()

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded")
    return float(np.exp(found.x))
