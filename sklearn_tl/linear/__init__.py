"""Linear models on the features of several layers, without any folds.

`fit_linear` fits a ridge regression whose penalty and layer weights have the lowest loss on
left-out images. A link says what the scores mean: `Classes`, `Labels` or `Numbers`.
"""

from sklearn_tl.linear.fit import ALPHAS, DECAYS, USUAL_ALPHA, LinearModel, fit_linear
from sklearn_tl.linear.links import Classes, Labels, Link, Numbers, probabilities
from sklearn_tl.linear.ridge import RidgePath, distinct

__all__ = [
    "ALPHAS",
    "DECAYS",
    "Classes",
    "Labels",
    "Link",
    "LinearModel",
    "Numbers",
    "RidgePath",
    "USUAL_ALPHA",
    "distinct",
    "fit_linear",
    "probabilities",
]
