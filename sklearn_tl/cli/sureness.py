"""How probable a class must be for the options of `sklearn-tl predict`."""

import argparse
from typing import Any

from sklearn_tl.answers import Answers, Sureness


def least_confidence(answers: Answers, model: Any, options: argparse.Namespace) -> float | None:
    """Return how probable a class must be, as `--min-confidence` or `--error` ask.

    Returns
    -------
    least : float or None
        None if neither option is given.

    Raises
    ------
    ValueError
        If the options ask for a confidence or an error that the model does not know.
    """
    least = options.min_confidence
    asked = "--error" if options.error is not None else "--min-confidence"
    if (options.error, least) != (None, None) and answers.kind != "classification":
        raise ValueError(f"{asked} is for models with one class per image. Leave it out.")
    return least if options.error is None else _threshold(model, options)


def _threshold(model: Any, options: argparse.Namespace) -> float:
    """Return the threshold that the study has found for a share of wrong answers."""
    sureness = Sureness.from_model(model)
    if sureness is None or len(sureness.errors) == 0:
        raise ValueError(
            f"{options.model} does not know how often its answers are wrong: sklearn-tl study "
            "--out writes models that do. Set --min-confidence instead."
        )
    threshold = sureness.threshold(options.error)
    if threshold is None:
        reached = sureness.reached()
        instead = f"Set --error {reached[0][0]:g} or more" if reached else "Leave it out"
        raise ValueError(
            f"--error {options.error:g} is not reached: the study has found no probability from "
            f"which so few answers are wrong. {instead}, or set --min-confidence."
        )
    return threshold
