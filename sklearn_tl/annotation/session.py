"""`LabellingSession`: the answers of a person, what to ask next, and how good the model is."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from threadpoolctl import ThreadpoolController

from sklearn_tl.annotation import choice
from sklearn_tl.annotation.answers import Answers
from sklearn_tl.annotation.embedder import Embedder
from sklearn_tl.annotation.estimate import Estimate, estimate
from sklearn_tl.annotation.images import images_to_label, shares
from sklearn_tl.annotation.model import QuickModel
from sklearn_tl.annotation.questions import Questions
from sklearn_tl.annotation.table import AnswerTable
from sklearn_tl.extractor import ConvFeatureExtractor


class LabellingSession:
    """Label the images of a folder, those first that teach a model most.

    The first images are spread over the embeddings. Later ones are those that a linear model is
    least sure of, which is fitted again after each answer. Every fourth question is an image of a
    random part of the folder. The model is never trained on this part, so the estimate of its
    accuracy is honest.

    The answers are in a CSV file after each of them. A session whose file exists goes on where it
    ended. All methods may be called from several threads.

    Parameters
    ----------
    folder : str or path
        Images are found at any depth. The names of sub-folders mean nothing.
    classes : sequence of str, default=()
        The classes that are known already, beside those in the file.
    out : str or path, default=None
        The CSV file with the columns `path` and `label`. None is `labels.csv` in the folder.
    extractor : ConvFeatureExtractor, default=None
        Embeds the images. Rows are divided by their length. None is the default network, whose
        rows are cached in a hidden file beside the CSV file.
    random_every : int, default=4
        Every so many questions, the image is of the random part. The part is the same share of the
        folder. At least 2, or 0 for no such questions and no estimate.
    random_state : int, default=0
        Decides which images are the random part. Keep it for one CSV file. Otherwise the model
        has chosen some of the images that it is tested on.

    Attributes
    ----------
    paths, names : list of str
        The images, as files and as the CSV file names them. All methods take and return positions
        in these lists.
    answers : Answers
        The labels, classes and skipped images.
    embedder : Embedder
        What is embedded so far, and which images cannot be read.
    remarks : list of str
        What was left out, and what is strange in the CSV file.

    Raises
    ------
    ValueError
        If there are no images, the name of a class cannot be used, the file cannot be read or
        written, or another process uses it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_sample_images
    >>> from PIL import Image
    >>> from sklearn_tl.annotation import LabellingSession
    >>> photos = tempfile.TemporaryDirectory()
    >>> for i, pixels in enumerate(load_sample_images().images):
    ...     Image.fromarray(pixels).save(Path(photos.name, f"{i}.jpg"))
    >>> with LabellingSession(photos.name, ["building", "flower"]) as session:
    ...     image = session.ask()[0]
    ...     _ = session.label([image], "flower")
    >>> Path(photos.name, "labels.csv").read_text(encoding="utf-8-sig").split()[0]
    'path,label'
    >>> photos.cleanup()
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        classes: Sequence[str] = (),
        *,
        out: str | os.PathLike | None = None,
        extractor: ConvFeatureExtractor | None = None,
        random_every: int = 4,
        random_state: int = 0,
    ) -> None:
        if isinstance(random_every, bool) or random_every == 1 or random_every < 0:
            raise ValueError(
                f"random_every={random_every!r} must be at least 2, or 0. With 1, no image would "
                "be left to train on."
            )
        path = Path(folder, "labels.csv") if out is None else Path(out)
        self.paths, self.names, left_out = images_to_label(folder, path)
        share = shares(self.names, random_state)
        order = np.argsort(share, kind="stable")
        self._is_random = share * random_every < (random_every > 0)
        self._model: QuickModel | None = None
        self._earlier: QuickModel | None = None  # of the first half of the answers
        self._n_seen = 0  # images that were embedded at the last fit
        self._lock = threading.RLock()
        self._blas = ThreadpoolController()
        self._table = AnswerTable(path)
        try:
            self.answers = Answers(self._table, self.names, classes)
        except BaseException:
            self._table.close()
            raise
        self.remarks = [left_out] if left_out else []
        if self.answers.others:
            self.remarks.append(
                f"{path} has labels of files that are not in the folder, such as "
                f"{self.answers.others[0][0]!r}. They stay in the file."
            )
        if extractor is None:
            rows = path.with_name(f".{path.stem}-rows.sqlite")
            extractor = ConvFeatureExtractor(cache=rows)
        self.embedder = Embedder(extractor, self.paths, order.tolist())
        self._questions = Questions(
            self.answers, self.embedder, order, self._is_random, random_every
        )

    def __enter__(self) -> Self:
        self.embedder.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def close(self) -> None:
        """Save, end what runs in the background, and let other processes use the file."""
        self.embedder.stop()
        with self._lock:
            if self.answers.unsaved is not None:
                self.answers.save()
            self._table.close()

    @property
    def path(self) -> Path:
        """The CSV file."""
        return self._table.path

    def is_random(self, image: int) -> bool:
        """Tell whether an image is of the random part, on which the accuracy is estimated."""
        return bool(self._is_random[image])

    def ask(self, n: int = 1, shown: Sequence[int] = ()) -> list[int]:
        """Return the images to show next.

        Parameters
        ----------
        n : int, default=1
        shown : sequence of int, default=()
            Images that are shown already, or will be shown before.

        Returns
        -------
        images : list of int of length n or less
            Skipped images come last. Empty if all images have a label.
        """
        with self._in_turn():
            return self._questions.ask(n, shown, self._model)

    def label(self, images: Sequence[int], name: str) -> str | None:
        """Give images a label, save it, and fit the model again.

        Parameters
        ----------
        images : sequence of int
            `undo` takes all of them back together.
        name : str
            The class. If it is new, it is added.

        Returns
        -------
        expected : str or None
            The class that the model predicted for the first image, without having seen its label.

        Raises
        ------
        ValueError
            If the name cannot be used, an image cannot be read, or an image has a label already,
            for example from another tab of the browser. Nothing is changed then.
        """
        with self._in_turn():
            for problem in filter(None, map(self.embedder.problem_of, images)):
                raise ValueError(f"{problem} It is left out, and cannot have a label.")
            expected = None
            if self._model is not None and len(images) and self.embedder.is_done[images[0]]:
                (expected,) = self._named(self._model.predict(self.embedder.rows[images[:1]]))
            self.answers.label(images, name)
            self._refit()
            return expected

    def leave_out(self, image: int, problem: str) -> None:
        """Offer an image no longer, and refuse labels for it, because it cannot be read.

        Parameters
        ----------
        image : int
        problem : str
            The reason, in a sentence that begins with the path.
        """
        with self._in_turn():
            self.embedder.problems.setdefault(image, problem)

    def skip(self, image: int) -> None:
        """Show an image again only after all others."""
        with self._in_turn():
            self.answers.skip(image)

    def undo(self) -> list[int]:
        """Take back the last answer, also of an earlier session, or the last skip.

        Returns
        -------
        images : list of int
            Empty if there is nothing to take back.
        """
        with self._in_turn():
            images = self.answers.undo()
            self._refit()
            return images

    def add_class(self, name: str) -> str:
        """Add a class, and return its name as it is stored.

        Raises
        ------
        ValueError
            If the name cannot be used. The message says what to type instead.
        """
        with self._in_turn():
            return self.answers.add_class(name)

    def similar(self, image: int, n: int = 24) -> list[int]:
        """Return images without a label that look most like another one.

        The random part has no similar images, and its images are similar to none: the model must
        not be trained on images that were chosen because of those that it is tested on.
        """
        with self._in_turn():
            if self._is_random[image] or not self.embedder.is_done[image]:
                return []
            others = self._questions.candidates([image])
            return choice.similar(self.embedder.rows, others, image, n).tolist()

    def predict(self, rows: np.ndarray) -> list[str] | None:
        """Return the classes of embeddings of other images, or None before there is a model."""
        with self._in_turn():
            return None if self._model is None else self._named(self._model.predict(rows))

    def estimate(self) -> Estimate:
        """Return how accurate the model is, and whether more answers will help."""
        with self._in_turn():
            done = self.embedder.is_done
            images = [i for i in self.answers.labels if self._is_random[i] and done[i]]
            hits = [self._hits(model, images) for model in (self._model, self._earlier)]
            return estimate(len(images), *hits)

    def catch_up(self) -> None:
        """Save what could not be saved, and fit again if more images were embedded since."""
        with self._in_turn():
            if self.answers.unsaved is not None:
                self.answers.save()
            if self.embedder.n_done != self._n_seen:
                self._refit()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let one thread at a time look at the session or change it.

        Meanwhile no pass of the network begins, and BLAS computes on one core. The matrices are
        small, and on a busy machine threads that wait for each other take longer than one.
        """
        self.embedder.pause()
        try:
            with self._lock, self._blas.limit(limits=1, user_api="blas"):
                yield
        finally:
            self.embedder.resume()

    def _refit(self) -> None:
        """Fit the models on the answers outside of the random part."""
        self._n_seen, done = self.embedder.n_done, self.embedder.is_done
        images = [i for i in self.answers.labels if done[i] and not self._is_random[i]]
        self._model = self._fit(images)
        self._earlier = self._fit(images[: (len(images) + 1) // 2])

    def _fit(self, images: list[int]) -> QuickModel | None:
        labels = [self.answers.classes.index(self.answers.labels[i]) for i in images]
        return QuickModel.fit(self.embedder.rows[images], labels)

    def _named(self, codes: np.ndarray) -> list[str]:
        return [self.answers.classes[code] for code in codes]

    def _hits(self, model: QuickModel | None, images: list[int]) -> np.ndarray | None:
        """Return whether a model predicts the labels of some images, or None without a model."""
        if model is None or not images:
            return None
        labels = [self.answers.labels[i] for i in images]
        predicted = self._named(model.predict(self.embedder.rows[images]))
        return np.array(predicted) == np.array(labels)
