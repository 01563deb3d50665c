"""What a study knows of its model, kept in the model's file: when an answer is unsure."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from sklearn_tl._choices import RAW
from sklearn_tl.answers.answers import Answer, Answers
from sklearn_tl.assessment import Novelty
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.extractor import extractor_of

UNSURE, NOVEL = "unsure", "unlike the training images"
ERRORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3)


class Sureness(NamedTuple):
    """When a model is unsure, and which images are unlike those that it was trained on.

    Parameters
    ----------
    errors : ndarray of shape (n_errors,)
        Shares of wrong answers, rising. Empty if images do not have one class each.
    thresholds : ndarray of shape (n_errors,)
        How probable a class must be for at most this share of wrong answers. Infinite if no
        threshold reaches it.
    coverages : ndarray of shape (n_errors,)
        The share of images that are answered then.
    novelty : Novelty or None
        None for models that learn from raw pixels.
    """

    errors: np.ndarray
    thresholds: np.ndarray
    coverages: np.ndarray
    novelty: Novelty | None

    @classmethod
    def of(cls, comparison: StrategyComparison) -> Self:
        """Return what a comparison has found about its best strategy."""
        found = []
        is_known = comparison.best_strategy_ in comparison.probabilities_
        if comparison.task_ == "classification" and is_known:
            found = [comparison.threshold_for_error(error) for error in ERRORS]
        return cls(
            np.array([threshold.error for threshold in found]),
            np.array([threshold.threshold for threshold in found]),
            np.array([threshold.coverage for threshold in found]),
            None if comparison.best_strategy_ == RAW else comparison.novelty_,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return arrays and numbers by name, which a file of data can contain."""
        values = self._asdict()
        novelty = values.pop("novelty")
        return values if novelty is None else values | vars(novelty)

    @classmethod
    def from_model(cls, model: Any) -> Self | None:
        """Return what a saved model knows, or None if no study has made it."""
        values = getattr(model, "sureness_", None)
        if values is None:
            return None
        own = {name: values[name] for name in cls._fields if name != "novelty"}
        of_novelty = {name: value for name, value in values.items() if name not in own}
        return cls(**own, novelty=Novelty(**of_novelty) if of_novelty else None)

    def threshold(self, error: float) -> float | None:
        """Return how probable a class must be, so that at most a share of the answers is wrong.

        Parameters
        ----------
        error : float
            The share, between 0 and 1.

        Returns
        -------
        threshold : float or None
            None if the study has found no such threshold.
        """
        known = [threshold for share, threshold in self.reached() if share <= error]
        return known[-1] if known else None

    def reached(self) -> list[tuple[float, float]]:
        """Return the shares of wrong answers for which there is a threshold, and the threshold."""
        pairs = zip(self.errors.tolist(), self.thresholds.tolist(), strict=True)
        return [(error, threshold) for error, threshold in pairs if np.isfinite(threshold)]


def with_remarks(answers: Answers, model: Any, least: float | None = None) -> Answers:
    """Return answers with a remark where the model is unsure or an image is of another kind.

    Parameters
    ----------
    answers : Answers
        Of `model`.
    model : classifier or regressor
        Fitted. If a study has made it, it knows what its training images look like.
    least : float, default=None
        How probable a class must be. None takes every answer as sure.

    Returns
    -------
    answers : Answers
        As they were, if `model` does not know its training images and `least` is None.
    """
    sureness = Sureness.from_model(model)
    novelty = None if sureness is None else sureness.novelty
    if novelty is None and least is None:
        return answers
    rows_of = None if novelty is None else embeddings_for(model)

    def ask(paths: list[str]) -> list[Answer]:
        found = answers.ask(paths)
        are_novel = [False] * len(found)
        if novelty is not None and rows_of is not None:
            are_novel = novelty.is_novel(rows_of(paths)).tolist()
        return [
            remarked(answer, least, is_novel)
            for answer, is_novel in zip(found, are_novel, strict=True)
        ]

    return answers._replace(ask=ask, has_remarks=True)


def remarked(answer: Answer, least: float | None, is_novel: bool) -> Answer:
    """Return an answer with its remarks, and without a class if that is not probable enough."""
    is_unsure = least is not None and answer.confidence < least
    remarks = [UNSURE] * is_unsure + [NOVEL] * is_novel
    chosen = () if is_unsure else answer.chosen
    return answer._replace(chosen=chosen, remark=", ".join(remarks))


def embeddings_for(model: Any) -> Callable[[list[str]], np.ndarray]:
    """Return a function from paths to the embeddings that `Novelty` knows.

    They are those of the pretrained backbone. A model that trains no layers has them in its cache.
    """
    extractor = extractor_of(model)
    assert extractor is not None  # no model of raw pixels has a `Novelty`
    return extractor.fit_transform
