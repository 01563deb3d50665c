"""What a model must not be used for, as it follows from the facts on its card."""

from collections.abc import Iterator, Sequence
from typing import Any

from sklearn_tl.card.licences import forbids_commerce, is_unknown

FEW = 20  # images of a class: the interval of its recall is then about 0.3 wide
SHOWN = 10  # names in a sentence


def limits(card: dict[str, Any]) -> list[str]:
    """Return one sentence or two for each limit.

    Parameters
    ----------
    card : dict
        All parts but the limits.

    Returns
    -------
    sentences : list of str
    """
    parts = (_of_scores, _of_answers, _of_groups, _of_copies, _of_probabilities, _of_licences)
    return [sentence for part in parts for sentence in part(card)]


def _of_scores(card: dict[str, Any]) -> Iterator[str]:
    scores = card["scores"]
    if scores is None:
        yield (
            "Decisions of any kind, before it was tested: the file has no score from images that "
            "the model was not trained on."
        )
        return
    lowest = scores["mean"] if scores["interval"] is None else scores["interval"][0]
    dummy = scores["dummy"]
    if dummy["mean"] is not None and lowest <= dummy["mean"]:
        yield (
            f"Any purpose, until it is better: its {scores['name']} is not clearly above that of "
            f"always answering {dummy['name']}."
        )
    yield (
        "Images of another kind, camera, place or season than those of the study: the scores say "
        "nothing about them."
    )


def _of_answers(card: dict[str, Any]) -> Iterator[str]:
    classes, task = card["data"]["classes"], card["model"]["task"]
    if task == "classification" and classes:
        yield (
            f"Images of anything else than its {len(classes)} classes ({_some(classes)}): it "
            "answers with one of these all the same."
        )
    if task == "multilabel" and classes:
        yield f"Labels other than its {len(classes)} ({_some(classes)}): it does not know them."
    few = [c for c in classes or () if c["n_images"] is not None and c["n_images"] < FEW]
    if few:
        what = "label" if task == "multilabel" else "class"
        yield (
            f"Decisions that rest on a {what} with fewer than {FEW} images: "
            f"{_some(few, with_counts=True)}. So few images say little about how well it is "
            "recognized."
        )
    for target in card["data"]["targets"] or ():
        yield (
            f"Images whose {target['name']} may be below {target['low']:,.6g} or above "
            f"{target['high']:,.6g}: there were none in the study."
        )


def _of_groups(card: dict[str, Any]) -> Iterator[str]:
    groups = card["data"]["groups"]
    if groups is None:
        return
    if not groups["given"]:
        yield (
            "New subjects, if some images of the study show the same subject (a patient, an "
            "animal, a machine): no groups were named, so the scores may be too high for that."
        )
    if groups["n_folds_that_divide_them"]:
        yield (
            f"Comparisons with other models: {groups['n_folds_that_divide_them']} of the folds "
            "divide images that belong together, so the scores are too high."
        )


def _of_copies(card: dict[str, Any]) -> Iterator[str]:
    found = card["data"]["duplicates"]
    if card["scores"] is not None and found is None:
        yield (
            "Comparisons with other models, unless the images are known to have no copies: "
            "nobody looked for copies, which make scores too high."
        )


def _of_probabilities(card: dict[str, Any]) -> Iterator[str]:
    remarks = card["remarks"]
    if remarks is None or card["model"]["task"] == "regression":
        return
    found, errors = remarks["calibration"], remarks["label_errors"]
    if found is None:
        yield "Decisions by probability: nothing is known about its probabilities."
    elif found["is_overconfident"] or found["is_underconfident"]:
        word = "overconfident" if found["is_overconfident"] else "underconfident"
        yield (
            f"Decisions that take its probabilities at their word: they are {word} (mean "
            f"confidence {found['mean_confidence']:.3f}, accuracy {found['accuracy']:.3f})."
        )
    if errors is not None and errors["n_listed"] > 2 * errors["n_by_chance"] + 2:
        yield (
            f"A proof of how good the labels are: {errors['n_listed']} of them look wrong "
            f"(about {errors['n_by_chance']} would by chance)."
        )


def _of_licences(card: dict[str, Any]) -> Iterator[str]:
    for backbone in card["backbones"]:
        name, licence = backbone["backbone"], backbone["licence"]
        if forbids_commerce(licence):
            yield f"Commercial use: the licence of the weights of {name} is {licence}."
        elif is_unknown(licence):
            yield (
                f"A product, before the licence of the weights of {name} was read: it is {licence}."
            )


def _some(things: Sequence[dict[str, Any]], with_counts: bool = False) -> str:
    """Return the first names, and the number of others."""
    shown = [
        f"{thing['name']} ({thing['n_images']})" if with_counts else thing["name"]
        for thing in things[:SHOWN]
    ]
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(shown) + more
