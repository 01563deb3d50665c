"""A fitted model whose probabilities are less sure, or surer: its last linear layer is scaled."""

from collections.abc import Mapping
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from sklearn_tl.classifier import FineTuneClassifier
from sklearn_tl.transfer_classifier import TransferClassifier

WITH_TEMPERATURE = (FineTuneClassifier, TransferClassifier)


def set_temperature(model: Any, temperature: float) -> None:
    """Divide the logits of a fitted model by a temperature. Its predictions stay the same.

    Parameters
    ----------
    model : estimator
        A `FineTuneClassifier`, a `TransferClassifier` or a logistic regression, also as the last
        step of a pipeline or as the best estimator of a search. Changed in place.
    temperature : float

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks" (ICML, 2017).
    """
    if isinstance(model, WITH_TEMPERATURE):
        model.temperature_ *= temperature
    elif isinstance(model, Pipeline):
        set_temperature(model[-1], temperature)
    elif hasattr(model, "best_estimator_"):
        set_temperature(model.best_estimator_, temperature)
    elif isinstance(model, OneVsRestClassifier):
        for part in model.estimators_:
            set_temperature(part, temperature)
    elif isinstance(model, LogisticRegression):
        model.coef_ = model.coef_ / temperature
        model.intercept_ = model.intercept_ / temperature


def check_can_be_scaled(strategies: Mapping[str, Any]) -> None:
    """Raise a TypeError if a strategy ends in a model whose logits cannot be divided."""
    for name, strategy in strategies.items():
        last = strategy
        while not isinstance(last, (LogisticRegression, *WITH_TEMPERATURE)):
            if isinstance(last, Pipeline):
                last = last[-1]
            elif isinstance(last, OneVsRestClassifier) or hasattr(last, "refit"):
                last = last.estimator
            else:
                raise TypeError(
                    "calibrate=True changes logistic regressions, TransferClassifier and "
                    f"FineTuneClassifier, but the strategy {name!r} ends in "
                    f"{type(last).__name__}. Leave calibrate out, and put the strategy in "
                    "scikit-learn's CalibratedClassifierCV."
                )
