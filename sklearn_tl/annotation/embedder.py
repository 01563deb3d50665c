"""The rows of images, computed in a thread while somebody labels."""

import threading
from collections.abc import Sequence

import numpy as np
from sklearn.preprocessing import normalize

from sklearn_tl.datasets import without_position
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.images import Reading, as_images, check_each

CHUNK = 8  # images per pass: an answer waits for at most one pass
AT_LEAST = 224  # pixels that the sides of a JPEG file keep when it is only tried


class Embedder:
    """Embed images in the background, a few at a time.

    Parameters
    ----------
    extractor : ConvFeatureExtractor
        Fitted in the thread, because loading a network takes seconds.
    paths : sequence of str
    order : sequence of int
        The positions of the images, in the order in which they are embedded.

    Attributes
    ----------
    rows : ndarray of shape (n_images, n_features), float32
        Of length 1. Zero for images that are not embedded yet.
    is_done : ndarray of shape (n_images,), bool
    problems : dict of int to str
        Why images cannot be read.
    failure : str or None
        Why no more images are embedded, for example because a network is missing.
    """

    def __init__(
        self, extractor: ConvFeatureExtractor, paths: Sequence[str], order: Sequence[int]
    ) -> None:
        self.extractor, self.paths = extractor, list(paths)
        self.rows = np.zeros((len(self.paths), 0), dtype=np.float32)
        self.is_done = np.zeros(len(self.paths), dtype=bool)
        self.problems: dict[int, str] = {}
        self.failure: str | None = None
        self._order = list(order)
        self._stop = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._thread = threading.Thread(target=self._run, name="embedder", daemon=True)

    def start(self) -> None:
        """Begin to embed."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the pass that it is in."""
        self._stop.set()
        self._free.set()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all images are embedded. Returns False if that takes longer."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def pause(self) -> None:
        """Begin no other pass, because somebody waits for an answer."""
        self._free.clear()

    def resume(self) -> None:
        """Go on."""
        self._free.set()

    @property
    def n_done(self) -> int:
        """The number of images that are embedded or cannot be read."""
        is_over = self.is_done.copy()
        is_over[list(self.problems)] = True
        return int(is_over.sum())

    def problem_of(self, image: int) -> str | None:
        """Return why an image cannot be read, or None. One that is not embedded yet is read."""
        if image not in self.problems and not self.is_done[image]:
            path = self.paths[image]
            images = as_images([path], Reading.of(self.extractor.get_params()))
            (check,) = check_each(images, AT_LEAST, progress=None)
            if check.problem is not None:
                self.problems[image] = without_position(path, check.problem)
        return self.problems.get(image)

    def _run(self) -> None:
        try:
            self.extractor.fit(self.paths)
            n_features = self.extractor.get_feature_names_out().size
            self.rows = np.zeros((len(self.paths), n_features), dtype=np.float32)
            for start in range(0, len(self._order), CHUNK):
                self._free.wait()
                if self._stop.is_set():
                    return
                self._embed(self._order[start : start + CHUNK])
        except Exception as error:  # the thread must not end in silence, whatever the reason
            self.failure = (
                f"The network has stopped ({type(error).__name__}: {error}). Labels are saved all "
                "the same, and images come in random order. Start again if this is repaired."
            )

    def _embed(self, chunk: list[int]) -> None:
        """Embed some images. If one of them cannot be read, the others are embedded."""
        try:
            rows = self.extractor.transform([self.paths[i] for i in chunk])
        except (OSError, ValueError, TypeError) as error:
            if len(chunk) > 1:
                half = len(chunk) // 2
                self._embed(chunk[:half])
                self._embed(chunk[half:])
            elif "X[0]" in str(error):
                self.problems[chunk[0]] = without_position(self.paths[chunk[0]], str(error))
            else:  # the cache or the network is at fault
                raise
        else:
            self.rows[chunk] = normalize(rows)
            self.is_done[chunk] = True
