"""What the rooms above may ask of an estimator that takes images. They use nothing else of it."""

import os
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sklearn.pipeline import Pipeline

from sklearn_tl.embedding.frozen_pass import RowPass
from sklearn_tl.images import ImageSequence


class FirstPass(NamedTuple):
    """What an estimator will hand to `embed` first: arguments to fill its cache beforehand."""

    images: ImageSequence
    frozen: RowPass
    cache: str | os.PathLike | None


@runtime_checkable
class TakesImages(Protocol):
    """An estimator whose `X` is images."""

    def read_images(self, X: Any) -> ImageSequence:
        """Return `X` as the estimator reads it: with its image shape and value range."""

    def first_pass(self, X: Any) -> FirstPass:
        """Return what a fit on `X` begins with. This fits the parameters but trains nothing."""


def image_reader(estimator: Any) -> TakesImages | None:
    """Return the part of an estimator that images go to, or None if it is not one of ours.

    Searches and pipelines are opened: the fitted estimator of a search, else the one that it
    would fit; the first step of a pipeline.
    """
    while not isinstance(estimator, TakesImages):
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[0][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "estimator"):
            estimator = estimator.estimator
        else:
            return None
    return estimator
