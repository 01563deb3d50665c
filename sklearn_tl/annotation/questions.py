"""Which image comes next: one of the random part, or one that the model learns from."""

from collections.abc import Sequence

import numpy as np

from sklearn_tl.annotation import choice
from sklearn_tl.annotation.answers import Answers
from sklearn_tl.annotation.embedder import Embedder
from sklearn_tl.annotation.model import QuickModel

FIRST = 10  # images at least that are spread over the embeddings before the model chooses
FIRST_PER_CLASS = 2


class Questions:
    """Choose images to ask about.

    Parameters
    ----------
    answers : Answers
    embedder : Embedder
    order : ndarray of int of shape (n_images,)
        All images in random order.
    is_random : ndarray of bool of shape (n_images,)
        The random part.
    random_every : int
        How many questions there are per question about the random part, or 0.
    """

    def __init__(
        self,
        answers: Answers,
        embedder: Embedder,
        order: np.ndarray,
        is_random: np.ndarray,
        random_every: int,
    ) -> None:
        self.answers, self.embedder = answers, embedder
        self.order, self.is_random, self.random_every = order, is_random, random_every

    def ask(self, n: int, shown: Sequence[int], model: QuickModel | None) -> list[int]:
        """Return `n` images to show after those that are shown already, or fewer."""
        waiting = [image for image in dict.fromkeys(shown) if image not in self.answers.labels]
        n_shown = len(waiting)
        while len(waiting) < n_shown + n:
            image = self._next(waiting, model)
            if image is None:
                break
            waiting.append(image)
        return waiting[n_shown:]

    def candidates(self, waiting: Sequence[int]) -> np.ndarray:
        """Return the images outside of the random part that are embedded and have no answer."""
        free = self._free(waiting)
        return free[self.embedder.is_done[free] & ~self.is_random[free]]

    def _next(self, waiting: list[int], model: QuickModel | None) -> int | None:
        free = self._free(waiting)
        at_random = free[self.is_random[free]]
        if len(at_random) and self._random_is_due(waiting):
            return int(at_random[0])
        candidates = self.candidates(waiting)
        if len(candidates):
            return self._most_useful(candidates, waiting, model)
        not_embedded = free[~self.is_random[free]]
        left_out = [*waiting, *self.embedder.problems]
        put_off = [image for image in self.answers.skipped if image not in left_out]
        for images in (not_embedded, at_random, put_off):
            if len(images):
                return int(images[0])
        return None

    def _random_is_due(self, waiting: list[int]) -> bool:
        before = np.array([*self.answers.labels, *waiting], dtype=np.intp)
        is_random = self.is_random[before]
        if not self.random_every or (is_random.sum() + 1) * self.random_every > len(before) + 1:
            return False
        # Several are due if many similar images were labelled together. They take turns.
        return not len(before) or not is_random[-1]

    def _most_useful(
        self, candidates: np.ndarray, waiting: list[int], model: QuickModel | None
    ) -> int:
        rows, used = self.embedder.rows, self.embedder.is_done & ~self.is_random
        known = np.array([*self.answers.labels, *waiting], dtype=np.intp)
        known = known[used[known]]
        first = max(FIRST, FIRST_PER_CLASS * len(self.answers.classes))
        if model is not None and len(known) >= first:
            shown = np.array([image for image in waiting if used[image]], dtype=np.intp)
            return choice.most_unsure(model, rows, candidates, shown)
        everything = self.order[used[self.order]]
        return choice.most_central(rows, everything, candidates, known)

    def _free(self, waiting: Sequence[int]) -> np.ndarray:
        """Return the images that have no answer and can be read, in random order."""
        is_free = np.ones(len(self.order), dtype=bool)
        for images in (self.answers.labels, self.answers.skipped, waiting, self.embedder.problems):
            is_free[list(images)] = False
        return self.order[is_free[self.order]]
