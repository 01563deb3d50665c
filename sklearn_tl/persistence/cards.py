"""The card of a model, which no longer counts once the model is fitted again."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_tl._base import BackboneEstimator
from sklearn_tl.card import card_of_model
from sklearn_tl.persistence.trust import parts_of


def attach_card(model: BaseEstimator, card: Mapping[str, Any]) -> None:
    """Give a fitted model its card, as the attribute `card_` that any kind of file keeps.

    Parameters
    ----------
    model : estimator
        Changed in place.
    card : dict
        As :func:`sklearn_tl.card.card_of_study` returns it. `save` leaves the card out if the model
        is fitted again.
    """
    model.card_ = {**card, "digest": digest_of(model)}


def card_of(model: BaseEstimator) -> dict[str, Any]:
    """Return the card that a model has, or one of what the model itself says.

    Parameters
    ----------
    model : estimator
        Fitted or not.

    Returns
    -------
    card : dict

    Warns
    -----
    UserWarning
        If the model was fitted again after its card was made. That card is left out.
    """
    card = vars(model).get("card_")
    if card is not None and card.get("digest") == digest_of(model):
        return card
    if card is not None:
        warnings.warn(
            "The model was fitted again after its card was made, so the scores on that card are "
            "left out. Give it the card of the new fit: save(model, path, "
            "card=card_of_study(comparison, y)).",
            stacklevel=3,
        )
    return card_of_model(model)


def digest_of(model: BaseEstimator) -> str:
    """Return a digest of the arrays in a model, which another fit changes."""
    states = [
        part.__getstate__() for part in parts_of(model) if isinstance(part, BackboneEstimator)
    ]
    found = {
        hashlib.sha256(f"{part.dtype}{part.shape}".encode() + part.tobytes()).hexdigest()
        for part in parts_of([model, states])
        if isinstance(part, np.ndarray) and part.dtype != object
    }
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()
