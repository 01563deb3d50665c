"""What a study knows of its model, kept in the model's file: when an answer is unsure."""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from sklearn_tl._choices import RAW
from sklearn_tl.assessment import Novelty
from sklearn_tl.cli.answers import Answer, Answers
from sklearn_tl.comparison import StrategyComparison
from sklearn_tl.embedding import image_reader
from sklearn_tl.extractor import ConvFeatureExtractor

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

    def threshold(self, error: float) -> float:
        """Return how probable a class must be, so that at most a share of the answers is wrong.

        Raises
        ------
        ValueError
            If the study has found no such threshold.
        """
        known = np.flatnonzero((self.errors <= error) & np.isfinite(self.thresholds))
        if len(known) == 0:
            reached = self.errors[np.isfinite(self.thresholds)]
            instead = f"Set --error {reached[0]:g} or more" if len(reached) else "Leave it out"
            raise ValueError(
                f"--error {error:g} is not reached: the study has found no probability from which "
                f"so few answers are wrong. {instead}, or set --min-confidence."
            )
        return float(self.thresholds[known[-1]])


def with_remarks(answers: Answers, model: Any, options: argparse.Namespace) -> Answers:
    """Return answers with a remark where the model is unsure or an image is of another kind.

    Raises
    ------
    ValueError
        If `options` ask for a confidence or an error that the model does not know.
    """
    sureness, least = Sureness.from_model(model), options.min_confidence
    asked = "--error" if options.error is not None else "--min-confidence"
    if (options.error, least) != (None, None) and answers.kind != "classification":
        raise ValueError(f"{asked} is for models with one class per image. Leave it out.")
    if options.error is not None:
        if sureness is None or len(sureness.errors) == 0:
            raise ValueError(
                f"{options.model} does not know how often its answers are wrong: sklearn-tl study "
                "--out writes models that do. Set --min-confidence instead."
            )
        least = sureness.threshold(options.error)
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
    reader: Any = image_reader(model)
    known = ConvFeatureExtractor().get_params(deep=False)
    given = reader.get_params(deep=False)
    extractor = ConvFeatureExtractor(**{name: given[name] for name in given if name in known})
    return extractor.fit_transform
