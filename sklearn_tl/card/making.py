"""A card is made, of a study or of a model alone."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn_tl.card.limits import limits
from sklearn_tl.card.model_facts import backbones_of, classes_of, is_fitted, task_of, versions
from sklearn_tl.card.study_facts import data_of, per_class, remarks_of, scores_of

if TYPE_CHECKING:
    from sklearn_tl.comparison import StrategyComparison


def card_of_study(
    comparison: StrategyComparison,
    y: Any,
    *,
    name: str = "",
    left_out: Sequence[str] = (),
    groups_given: bool = False,
    n_fitted: int | None = None,
) -> dict[str, Any]:
    """Return the card of the best strategy of a comparison.

    Parameters
    ----------
    comparison : StrategyComparison
        What :func:`sklearn_tl.compare_strategies` returned.
    y : targets
        As they were passed to the comparison.
    name : str, default=""
        What the images are called.
    left_out : sequence of str, default=()
        One sentence about each image or class that is not part of the comparison.
    groups_given : bool, default=False
        Whether the user named groups, for example patients. Copies and sequences that the
        comparison found by itself do not count.
    n_fitted : int or None, default=None
        The number of images that the model was fitted on. None stands for all that were compared.

    Returns
    -------
    card : dict
        Strings, numbers, lists and dicts, which JSON can hold:

        - ``"date"``, in the form 2026-11-27;
        - ``"model"``: its ``type``, ``task``, whether it is ``fitted``, and the ``strategy``;
        - ``"data"``: ``name``, ``n_images``, ``n_fitted``, ``classes`` with the number of images of
          each, or ``targets`` with their ranges, ``groups``, ``duplicates`` and ``left_out``;
        - ``"scores"``: the ``mean`` score over the folds, its ``interval``, and that of a model
          that answers the same for all images;
        - ``"per_class"``: precision, recall and F1 of each class, with intervals, or None;
        - ``"backbones"``: names, fingerprints, image sizes, and the licence of the weights;
        - ``"versions"`` of the libraries;
        - ``"limits"``: sentences that say what the model must not be used for.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import compare_strategies
    >>> from sklearn_tl.card import card_of_study
    >>> images = np.random.default_rng(0).integers(0, 128, (12, 32, 32, 3), dtype=np.uint8)
    >>> images[::2] += 127
    >>> result = compare_strategies(
    ...     images, ["light", "dark"] * 6, strategies=["embeddings"], image_size=32, cv=2
    ... )
    >>> card = card_of_study(result, ["light", "dark"] * 6, name="squares")
    >>> card["data"]["classes"]
    [{'name': 'dark', 'n_images': 6}, {'name': 'light', 'n_images': 6}]
    """
    model = getattr(comparison, "best_estimator_", None)  # missing with refit=False
    card = _card(model, network_is_loaded=True)
    card["model"] |= {"task": comparison.task_, "strategy": comparison.best_strategy_}
    card["data"] = data_of(comparison, y, name, left_out, groups_given, n_fitted)
    card["scores"] = scores_of(comparison)
    card["per_class"] = per_class(comparison)
    card["remarks"] = remarks_of(comparison)
    return card | {"limits": limits(card)}


def card_of_model(model: Any) -> dict[str, Any]:
    """Return the card of a model that no study has made: what the model itself says.

    Parameters
    ----------
    model : estimator
        Fitted or not. No network is loaded.

    Returns
    -------
    card : dict
        In the form that `card_of_study` describes. ``scores``, ``per_class`` and all that is
        unknown about the data are None.

    Examples
    --------
    >>> from sklearn_tl import ConvFeatureExtractor
    >>> from sklearn_tl.card import card_of_model
    >>> card = card_of_model(ConvFeatureExtractor())
    >>> card["backbones"][0]["licence"]
    'Apache 2.0'
    """
    card = _card(model, network_is_loaded=False)
    return card | {"limits": limits(card)}


def _card(model: Any, network_is_loaded: bool) -> dict[str, Any]:
    classes = [{"name": name, "n_images": None} for name in classes_of(model)]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "model": {
            "type": None if model is None else type(model).__name__,
            "task": task_of(model),
            "fitted": is_fitted(model),
            "strategy": None,
        },
        "data": {
            "name": "",
            "n_images": None,
            "n_fitted": None,
            "classes": classes or None,
            "targets": None,
            "groups": None,
            "duplicates": None,
            "left_out": [],
        },
        "scores": None,
        "per_class": None,
        "remarks": None,
        "backbones": backbones_of(model, network_is_loaded),
        "versions": versions(),
    }
