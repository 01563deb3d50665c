"""The share of wrong labels, estimated together with a temperature."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from sklearn_tl.assessment.temperature import SMALLEST, TEMPERATURES, fit_temperature

LARGEST_NOISE = 0.3  # above it, wrong labels and a poor model look the same
ENOUGH = 5000  # images, or decisions about labels, to estimate the share of wrong labels


def fit_noise(codes: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Return the temperature and the share of wrong labels that explain the labels best.

    A label is drawn with the tempered probabilities. With the probability `noise`, another one of
    the classes takes its place.
    """
    # Two numbers do not need more images than that.
    some = slice(None, None, -(-len(codes) // ENOUGH))
    codes, logs = codes[some], np.log(rows[some].clip(SMALLEST))
    each, n_others = np.arange(len(codes)), rows.shape[1] - 1

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean negative log likelihood and its gradient."""
        power, noise = np.exp(-parameters[0]), parameters[1]
        tempered = softmax(power * logs, axis=1)
        own = tempered[each, codes]
        likelihood = ((1 - noise) * own + noise * (1 - own) / n_others).clip(SMALLEST)
        excess = logs[each, codes] - (tempered * logs).sum(axis=1)
        slope = (1 - noise - noise / n_others) * own * excess * -power
        shift = (1 - own) / n_others - own
        gradient = [(slope / likelihood).mean(), (shift / likelihood).mean()]
        return -np.log(likelihood).mean(), -np.array(gradient)

    start = np.log(fit_temperature(codes, rows[some]))
    bounds = [tuple(np.log(TEMPERATURES)), (0, LARGEST_NOISE)]
    # The loss can have two minima: one in which the model is unsure, and one with wrong labels.
    found = [
        minimize(loss, [start - step, noise], jac=True, method="L-BFGS-B", bounds=bounds)
        for step, noise in ((0.0, 0.0), (0.5, 0.05), (1.0, 0.1))
    ]
    logarithm, noise = min(found, key=lambda result: result.fun).x
    return float(np.exp(logarithm)), float(noise)
