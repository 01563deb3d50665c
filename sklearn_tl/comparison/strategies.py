"""The strategies that are compared by default."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn

from sklearn_tl._choices import ALL_FEATURES, RAW
from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.comparison.inner_folds import InnerFolds
from sklearn_tl.comparison.raw_pixels import RawPixels
from sklearn_tl.comparison.scores import mean_average_precision
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.finetuning import ALPHAS
from sklearn_tl.regressor import FineTuneRegressor
from sklearn_tl.transfer_classifier import TransferClassifier
from sklearn_tl.transfer_regressor import TransferRegressor

C = np.array([1.0, 10.0, 0.1, 0.01, 0.001])  # the first of those that are equally good is chosen
# Scaled pixels are 3072 numbers of variance 1. With a larger C a regression on them is no better,
# takes many times as long, and is stopped before it converges.
RAW_C = np.array([1e-6, 1e-5, 1e-4, 1e-3, 1e-2])
RAW_ALPHA = np.logspace(0, 6, 13)


def default_strategies(
    backbone: str | nn.Module | Callable[[], nn.Module] = "efficientnet_lite0",
    *,
    task: str = "classification",
    grouped: bool = False,
    random_state: int | np.random.RandomState | None = None,
    **parameters: Any,
) -> dict[str, Any]:
    """Return the strategies of :func:`compare_strategies`, in order of their cost.

    The first is the cheapest. "raw pixels" and "embeddings" are pipelines with a logistic
    regression whose C is chosen among five powers of ten by cross-validation, or with a ridge
    regression whose alpha is chosen by leaving out each image in turn. "features of all layers" is
    :class:`TransferClassifier` or :class:`TransferRegressor`. "head alone", "last layer" and "all
    layers" are :class:`FineTuneClassifier` or :class:`FineTuneRegressor` with ``unfreeze`` set to
    None, 1 and "all": the layers that they name are trained. The names in ``QUICK_STRATEGIES``
    train no layers of the network.

    Parameters
    ----------
    backbone : str, torch.nn.Module or callable, default="efficientnet_lite0"
        See :class:`ConvFeatureExtractor`.
    task : {"classification", "multilabel", "regression"}, default="classification"
        One class per image, several labels per image, or numbers.
    grouped : bool, default=False
        Whether `groups` are passed to `fit`. Leaving out each image in turn would then divide
        groups: the ridge regression is cross-validated by group instead.
    random_state : int, RandomState instance or None, default=None
        Decides all that is random in the fine-tuning.
    **parameters
        Further parameters that :class:`ConvFeatureExtractor` and :class:`FineTuneClassifier` have
        in common, such as `weights`, `image_size`, `cache`, and those that say how images are
        read. Raw pixels are 32 x 32 whatever the `image_size` is.

    Returns
    -------
    strategies : dict of str to estimator
        Not fitted.

    Examples
    --------
    >>> from sklearn_tl.comparison import default_strategies
    >>> list(default_strategies())[:4]
    ['raw pixels', 'embeddings', 'head alone', 'features of all layers']
    >>> list(default_strategies())[4:]
    ['last layer', 'all layers']
    """
    network = parameters | {"backbone": backbone}
    of_pixels = RawPixels().get_params(deep=False)
    reading = {name: value for name, value in parameters.items() if name in of_pixels}

    def fine_tuned(unfreeze: int | str | None) -> FineTuneClassifier | FineTuneRegressor:
        estimator = FineTuneRegressor if task == "regression" else FineTuneClassifier
        return estimator(**network, unfreeze=unfreeze, random_state=random_state)

    of_all_layers = TransferRegressor if task == "regression" else TransferClassifier

    # The penalty of a linear model does not change under rotations. The principal components, of
    # which there are at most as many as images, are therefore the same pixels to it, in a tenth of
    # the time.
    pixels = RawPixels(**reading), StandardScaler(), PCA(0.999)
    on_pixels, on_rows = _linear_models(task, grouped)
    # A linear model computes in the precision of its rows. Seven digits are too few for large
    # numbers that differ little, such as dates. On some processors they are also too few for a
    # logistic regression to find out that it has converged.
    exact = FunctionTransformer(in_double_precision)
    return {
        RAW: make_pipeline(*pixels, exact, on_pixels),
        "embeddings": make_pipeline(ConvFeatureExtractor(**network), exact, on_rows),
        "head alone": fine_tuned(None),
        ALL_FEATURES: of_all_layers(**network),
        "last layer": fine_tuned(1),
        "all layers": fine_tuned("all"),
    }


def in_double_precision(rows: np.ndarray) -> np.ndarray:
    """Return rows as float64."""
    return np.asarray(rows, dtype=np.float64)


def _linear_models(task: str, grouped: bool) -> tuple[Any, Any]:
    """Return the linear model on raw pixels and that on embeddings."""
    if task == "regression" and not grouped:
        return RidgeCV(RAW_ALPHA), RidgeCV(ALPHAS)
    if task == "regression":
        folds = InnerFolds(task)
        on_pixels, on_rows = (
            GridSearchCV(Ridge(), {"alpha": values}, cv=folds) for values in (RAW_ALPHA, ALPHAS)
        )
        return on_pixels, on_rows
    logistic = LogisticRegression(max_iter=2000)
    if task == "multilabel":
        labels, scoring = OneVsRestClassifier(logistic), mean_average_precision
        grids = [{"estimator__C": values} for values in (RAW_C, C)]
        on_pixels, on_rows = (
            GridSearchCV(labels, grid, cv=InnerFolds(task), scoring=scoring) for grid in grids
        )
    else:
        on_pixels, on_rows = (
            GridSearchCV(logistic, {"C": values}, cv=InnerFolds(task)) for values in (RAW_C, C)
        )
    return on_pixels, on_rows


def n_trainable_parameters(estimator: Any) -> float:
    """Return how many numbers a fit has chosen, or NaN if that is not known."""
    if isinstance(estimator, Pipeline):
        *before, last = estimator
        tuned = [step for step in before if hasattr(step, "net_")]
        return sum(map(n_trainable_parameters, [*tuned, last]))
    if hasattr(estimator, "best_estimator_"):
        return n_trainable_parameters(estimator.best_estimator_)
    if hasattr(estimator, "net_"):
        parameters = estimator.net_.module_.parameters()
        return sum(p.numel() for p in parameters if p.requires_grad)
    if hasattr(estimator, "estimators_") and isinstance(estimator, OneVsRestClassifier):
        return sum(map(n_trainable_parameters, estimator.estimators_))
    if hasattr(estimator, "coef_"):
        return estimator.coef_.size + np.size(estimator.intercept_)
    if type(estimator).__name__ == "_ConstantPredictor":  # of a label with a single value
        return 0
    return np.nan
