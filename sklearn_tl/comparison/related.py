"""Which images of a comparison belong together: given groups, and copies that are found."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sklearn_tl.assessment import Novelty
from sklearn_tl.comparison.first_pass import FirstRows
from sklearn_tl.comparison.folds import Split, can_keep_groups, make_splits
from sklearn_tl.comparison.study import Study, paths_in
from sklearn_tl.duplicates import Duplicates, duplicates_in
from sklearn_tl.targets import Multiclass, check_groups, groups_per_stratum

# Shares of images that belong together, above which folds that divide them are run to compare with.
LITTLE, MUCH = 0.0, 0.5  # of given groups, and of copies and sequences
SHOWN = 3  # examples that a message names


def find_copies(rows: FirstRows, study: Study) -> Duplicates | None:
    """Return the copies and sequences among the images of a comparison, if it is of images."""
    if rows.pixels is None:
        return None
    embeddings = rows.pixels if rows.embeddings is None else rows.embeddings
    y = study.y if study.task.name == "classification" else None
    return duplicates_in(embeddings, rows.pixels, names=paths_in(study.X), y=y)


def without_leaks(
    study: Study,
    found: Duplicates,
    duplicates: str,
    cv: Any,
    splits: list[Split],
    seed: int,
) -> tuple[Study, list[Split]]:
    """Return a study and folds that take account of copies.

    Parameters
    ----------
    study : Study
    found : Duplicates
    duplicates : {"group", "drop"}
        "drop" leaves out all but the first image of each set of copies.
    cv : int, splitter or list of (train, test)
        Folds that are not made here are not changed, except that copies are dropped from them.
    splits : list of (train, test)
        The folds without regard to copies.
    seed : int
        As for `splits`.
    """
    together = replace(study, groups=joined(study.groups, found.groups))
    if duplicates == "drop":
        kept = np.setdiff1d(np.arange(len(study.y)), found.copies)
        together = together.take(kept)
        if not mostly_together(together.groups, LITTLE):  # there were only copies
            together = replace(together, groups=None)
        if not can_keep_groups(cv):
            return together, only_kept(splits, kept)
    if not can_keep_groups(cv):
        return together, splits
    if together.groups is not None and np.ptp(together.groups) == 0:
        raise ValueError(
            f"All {len(together.y)} images belong together, so none of them can be tested by a "
            'model of others. Add other images, or set duplicates="ignore".'
        )
    say_which_classes_are_one_group(together)
    # A user who has named groups was told before whether there are enough of them.
    again = make_splits(cv, together.task, together.targets, seed, together.groups, are_given=False)
    if isinstance(together.task, Multiclass):
        check_trainable(together.targets, again)
    return together, again


def only_kept(splits: list[Split], kept: np.ndarray) -> list[Split]:
    """Return folds without the images that were dropped, and without folds that test nothing.

    Raises
    ------
    ValueError
        If no fold is left.
    """
    place = np.full(1 + max(part.max() for split in splits for part in split), -1)
    place[kept[kept < len(place)]] = np.flatnonzero(kept < len(place))
    left = [(place[train], place[test]) for train, test in splits]
    left = [(train[train >= 0], test[test >= 0]) for train, test in left]
    left = [(train, test) for train, test in left if len(train) and len(test)]
    if not left:
        raise ValueError(
            "All images to test on are copies of other images, and duplicates='drop' leaves them "
            'out. Set duplicates="group" or "ignore".'
        )
    return left


def check_trainable(targets: np.ndarray, splits: list[Split]) -> None:
    """Raise a ValueError if a fold would be trained on one class."""
    if any(np.ptp(targets[train]) == 0 for train, _ in splits):
        raise ValueError(
            "All images of all classes but one belong together, so a fold would be trained on one "
            'class. Add other images, or set duplicates="ignore".'
        )


def mostly_together(groups: np.ndarray | None, share: float) -> bool:
    """Tell whether more than a share of the images belong together with others."""
    if groups is None:
        return False
    return bool((np.bincount(groups)[groups] > 1).mean() > share)


def novelty_of(embeddings: np.ndarray, study: Study) -> Novelty | None:
    """Return what is unlike all images of a study, or None if they are all the same."""
    try:
        return Novelty.fit(embeddings[study.kept], groups=study.groups)
    except ValueError:
        return None


def joined(groups: np.ndarray | None, others: np.ndarray) -> np.ndarray:
    """Return groups in which images are together that are so in one of two groupings."""
    if groups is None:
        return check_groups(others, len(others))
    n = len(groups)
    others = groups.max() + 1 + others
    graph = coo_array((np.ones(n), (groups, others)), shape=(others.max() + 1,) * 2)
    return check_groups(connected_components(graph, directed=False)[1][groups], n)


def say_which_copies(found: Duplicates, duplicates: str, splits: list[Split] | None) -> None:
    """Warn of copies, of their labels, and of copies on both sides of folds that are given.

    Parameters
    ----------
    found : Duplicates
    duplicates : {"group", "drop"}
    splits : list of (train, test) or None
        Folds that are given, and cannot be changed. None if the comparison makes the folds.
    """
    is_copy = found.kinds == "copy"
    n_linked = len(np.unique(found.pairs[~is_copy]))
    parts = []
    if is_copy.any():
        n = len(found.copies)
        first = _pair(found, found.pairs[is_copy][0])
        parts.append(f"{n} {'is a copy' if n == 1 else 'are copies'} of another one, as {first}")
    if n_linked:
        first = _pair(found, found.pairs[~is_copy][0])
        parts.append(f"{n_linked} follow each other in sequences, as {first}")
    text = f"Of {len(found.groups)} images, {'; '.join(parts)}."
    if len(found.conflicts):
        n = len(found.conflicts)
        have = "1 pair of copies has" if n == 1 else f"{n} pairs of copies have"
        text += f" {have} different labels: {_pair(found, found.conflicts[0])}"
        text += "." if n == 1 else ", and others."
    text += {
        "group": " Related images stay together in all folds.",
        "drop": " All but the first of each set of copies are left out.",
    }[duplicates]
    if splits is not None:
        n_leaks = sum(len(found.across(train, test)) for train, test in splits)
        if duplicates == "group" and n_leaks:
            text = text.removesuffix(" Related images stay together in all folds.")
            text += (
                f" The folds that cv gives test {n_leaks} images of which a related one was "
                'trained on, so the scores are too high. To leave copies out: duplicates="drop".'
            )
        elif duplicates == "group":
            text = text.removesuffix(" Related images stay together in all folds.")
            text += " No fold that cv gives divides them."
    text += ' To look for none: duplicates="ignore".'
    warnings.warn(text, stacklevel=3)


def _pair(found: Duplicates, pair: np.ndarray) -> str:
    a, b = (
        f"X[{i}]" if found.names is None else f"X[{i}] ({found.names[i]!r})" for i in pair.tolist()
    )
    return f"{a} and {b}"


def say_which_classes_are_one_group(study: Study) -> None:
    """Warn of classes that cannot be trained on while they are tested."""
    if not isinstance(study.task, Multiclass) or study.groups is None:
        return
    alone = np.flatnonzero(groups_per_stratum(study.targets, study.groups) < 2)
    if len(alone):
        names = ", ".join(map(str, study.task.classes[alone[:SHOWN]]))
        warnings.warn(
            f"All images of {'a class' if len(alone) == 1 else f'{len(alone)} classes'} belong "
            f"together ({names}{' and others' if len(alone) > SHOWN else ''}), so no fold is "
            "trained on the class that it tests. Add other images of it, leave it out, or set "
            'duplicates="ignore".',
            stacklevel=3,
        )
