"""`Duplicates`: the pairs that were found, and what to do about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SHOWN = 3  # pairs that the summary names


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What :func:`find_duplicates` found.

    Attributes
    ----------
    pairs : ndarray of shape (n_pairs, 2)
        Positions of two images that are copies of each other or neighbours in a sequence, sorted
        by falling similarity. The smaller position comes first in a copy, and the earlier image in
        a sequence. An image whose pixels equal those of another is only paired with the first such
        image.
    similarity : ndarray of shape (n_pairs,)
        Up to 1. For copies, how well the pixels agree after alignment. For sequences, the cosine
        of the square roots of the embeddings.
    kinds : ndarray of shape (n_pairs,)
        "copy" or "sequence". Neighbours in a sequence that are also copies are "copy".
    groups : ndarray of shape (n_images,)
        The number of the group of each image, for `groups` of scikit-learn. Images that a chain of
        pairs connects have the same number. All others have their own.
    copies : ndarray of shape (n_copies,)
        Positions of the images to leave out if each image is to be there once: all but the first
        of each set of copies, in rising order. Sequences do not count.
    conflicts : ndarray of shape (n_conflicts, 2)
        The pairs of copies whose labels differ. Empty without labels.
    names : list of str or None
        The path of each image, if it has one.
    """

    pairs: np.ndarray
    similarity: np.ndarray
    kinds: np.ndarray
    groups: np.ndarray
    copies: np.ndarray
    conflicts: np.ndarray
    names: Sequence[str] | None = None

    @classmethod
    def of(
        cls,
        copies: np.ndarray,
        scores: np.ndarray,
        links: np.ndarray,
        cosines: np.ndarray,
        *,
        n_images: int,
        codes: np.ndarray | None,
        names: Sequence[str] | None,
    ) -> Self:
        """Return the result for pairs of copies and links of sequences.

        Parameters
        ----------
        copies : ndarray of shape (n_pairs, 2)
            Positions of the images of each pair.
        scores : ndarray of shape (n_pairs,)
            How well the pixels of each pair agree.
        links : ndarray of shape (n_links, 2)
            They may contain pairs of copies.
        cosines : ndarray of shape (n_links,)
            The similarity of each link.
        n_images : int
            How many images were searched.
        codes : ndarray of shape (n_images,) or None
            The labels as whole numbers. -1 stands for a missing label.
        names : sequence of str or None
            The paths.
        """
        known = {tuple(pair) for pair in copies.tolist()}
        new = [tuple(sorted(link)) not in known for link in links.tolist()]
        links, cosines = links[new], cosines[new]
        pairs, similarity = np.concatenate([copies, links]), np.concatenate([scores, cosines])
        kinds = np.repeat(["copy", "sequence"], [len(copies), len(links)])
        order = np.argsort(-similarity, kind="stable")
        pairs, similarity, kinds = pairs[order], np.minimum(similarity[order], 1), kinds[order]
        of_copies = pairs[kinds == "copy"]
        conflicts = of_copies[:0]
        if codes is not None:
            a, b = codes[of_copies].T
            conflicts = of_copies[(a != b) & (a >= 0) & (b >= 0)]
        first = np.unique(_connected(of_copies, n_images), return_index=True)[1]
        left_out = np.setdiff1d(np.arange(n_images), first)
        groups = _connected(pairs, n_images)
        return cls(pairs, similarity, kinds, groups, left_out, conflicts, names)

    def across(self, train: Any, test: Any) -> np.ndarray:
        """Return the images of one part of a split that the other part gives away.

        Parameters
        ----------
        train, test : array-like of int
            The positions of the images in each part, or a mask (n_images,) that is True for them.

        Returns
        -------
        pairs : ndarray of shape (n_pairs, 2)
            A position in `train` and one in `test`, once for each image of `test` whose group is
            also in `train`. If several images of `train` are in this group, it is the one that is
            most similar, as far as it is known.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_tl import find_duplicates
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), dtype=np.uint8)
        >>> images[3] = images[0]
        >>> find_duplicates(images).across(train=[0, 1], test=[2, 3])
        array([[0, 3]])
        """
        every = np.arange(len(self.groups))
        train, test = every[np.asarray(train)], every[np.asarray(test)]
        in_train = dict(zip(self.groups[train[::-1]].tolist(), train[::-1].tolist(), strict=True))
        partner = {i: in_train[g] for i, g in enumerate(self.groups.tolist()) if g in in_train}
        is_train = np.isin(every, train)
        for a, b in self.pairs[::-1].tolist():  # the most similar pair has the last word
            if is_train[a]:
                partner[b] = a
            if is_train[b]:
                partner[a] = b
        found = [(partner[i], i) for i in test.tolist() if i in partner]
        return np.array(found, dtype=np.intp).reshape(-1, 2)

    def summary(self) -> str:
        """Return what was found, in a few lines of plain English.

        Returns
        -------
        text : str
        """
        n = len(self.groups)
        is_copy = self.kinds == "copy"
        lines = []
        if is_copy.any():
            n_copies = len(self.copies)
            verb = "is a copy" if n_copies == 1 else "are copies"
            lines.append(f"{n_copies} of {n} images {verb} of another image.")
            lines += self._examples(self.pairs[is_copy], self.similarity[is_copy])
        else:
            lines.append(f"Found no copies among {n} images.")
        if len(self.conflicts):
            n_conflicts = len(self.conflicts)
            pairs_have = "pair of copies has" if n_conflicts == 1 else "pairs of copies have"
            lines.append(f"{n_conflicts} {pairs_have} different labels.")
            lines += self._examples(self.conflicts)
        links = self.pairs[~is_copy]
        if len(links):
            n_linked = len(np.unique(links))
            lines.append(
                f"{n_linked} of {n} images follow each other in sequences, such as the frames of "
                "a video."
            )
            lines += self._examples(links, self.similarity[~is_copy])
        if len(self.pairs):
            lines.append("Keep related images on one side of each split: groups=duplicates.groups.")
        return "\n".join(lines)

    def _examples(self, pairs: np.ndarray, similarity: np.ndarray | None = None) -> list[str]:
        lines = []
        for n, (a, b) in enumerate(pairs[:SHOWN].tolist()):
            score = "" if similarity is None else f" ({similarity[n]:.2f})"
            lines.append(f"  {self._name(a)} and {self._name(b)}{score}")
        if len(pairs) > SHOWN:
            lines[-1] += f", and {len(pairs) - SHOWN} other pairs"
        return lines

    def _name(self, i: int) -> str:
        return f"X[{i}]" if self.names is None else f"X[{i}] ({self.names[i]!r})"


def _connected(pairs: np.ndarray, n_images: int) -> np.ndarray:
    """Return the number of the component of each image, in the order of their first images."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_images,) * 2)
    return connected_components(graph, directed=False)[1].astype(np.intp)
