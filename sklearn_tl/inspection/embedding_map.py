"""`EmbeddingDisplay`: embeddings as points of a map, in the colours of their targets."""

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from threadpoolctl import threadpool_limits

from sklearn_tl._choices import TASKS
from sklearn_tl._utils import check_option
from sklearn_tl.images import as_images
from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import thumbnail
from sklearn_tl.inspection.point_looks import draw_points
from sklearn_tl.inspection.reading import as_array, images_as_read_by, names_for
from sklearn_tl.targets import guess_task

FEW = 2000  # rows, of which one core makes a map in seconds
TITLES = {"pca": "PCA", "tsne": "t-SNE"}
THUMBNAIL_SIDE = 28  # pixels
THUMBNAIL_DISTANCE = 0.07  # of the width or height of the map


class EmbeddingDisplay(Display):
    """A map of embeddings in two dimensions, with one colour and marker per class.

    Numbers have a scale of colours. Of several labels, the rarest one of each image gives the
    colour.

    Parameters
    ----------
    points : ndarray of shape (n_images, 2)
        The place of each image on the map.
    y : array-like of shape (n_images,) or (n_images, n_outputs)
        Labels, an indicator matrix, or numbers.
    method : {"pca", "tsne"}, default="pca"
        How the map was made, for its title.
    images : images or None, default=None
        The images to draw as thumbnails. None draws points only.
    task : {"classification", "multilabel", "regression"} or None, default=None
        What `y` stands for. None guesses, as :func:`compare_strategies` does.
    target_names : list of str or None, default=None
        The names of the labels or of the numbers.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with the map.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from sklearn_tl import ConvFeatureExtractor, EmbeddingDisplay
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> photos = load_photo_patches()
    >>> X, y = photos.images[::10], photos.target_names[photos.target[::10]]
    >>> extractor = ConvFeatureExtractor(image_size=64)
    >>> display = EmbeddingDisplay.from_estimator(extractor, X, y)
    >>> display.points.shape == (len(X), 2)
    True
    """

    def __init__(
        self,
        *,
        points: np.ndarray,
        y: Any,
        method: str = "pca",
        images: Any = None,
        task: str | None = None,
        target_names: list[str] | None = None,
    ) -> None:
        self.points = points
        self.y = y
        self.method = method
        self.images = images
        self.task = task
        self.target_names = target_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        task: str | None = None,
        target_names: Any = None,
        method: str = "pca",
        thumbnails: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        ax: Any = None,
    ) -> Self:
        """Draw the embeddings that a transformer computes from images.

        Parameters
        ----------
        estimator : ConvFeatureExtractor, FineTuneClassifier or another transformer
            If it is not fitted, a clone of it is fitted on `X` and `y`; the estimator itself does
            not change. In a pipeline that ends in a classifier, the steps before the classifier
            are used.
        X : images
            In any form that :class:`ConvFeatureExtractor` accepts.
        y : array-like of shape (n_images,) or (n_images, n_outputs)
            Labels, an indicator matrix, or numbers.
        task : {"classification", "multilabel", "regression"} or None, default=None
            What `y` stands for. None guesses, as :func:`compare_strategies` does.
        target_names : array-like of str of shape (n_outputs,), default=None
            The names of the labels or of the numbers. None takes the columns of `y` if it is a
            table.
        method : {"pca", "tsne"}, default="pca"
            How the rows become points. "pca" shows the two directions with the largest variance.
            "tsne" keeps neighbours together and takes longer; its distances between groups have
            no meaning.
        thumbnails : bool, default=False
            Whether to draw the images themselves too, as many as there is room for.
        random_state : int, RandomState instance or None, default=0
            Seed of PCA and t-SNE.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are fewer than three images, `y` does not fit to them, or `method` or `task` is
            unknown.
        """
        check_option("method", method, TITLES)
        if isinstance(estimator, Pipeline) and not hasattr(estimator, "transform"):
            estimator = estimator[:-1]
        try:
            rows = estimator.transform(X)
        except NotFittedError:
            estimator = clone(estimator).fit(X, y)
            rows = estimator.transform(X)
        images = images_as_read_by(estimator, X) if thumbnails else None
        return cls.from_embeddings(
            rows,
            y,
            task=task,
            target_names=target_names,
            method=method,
            images=images,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_embeddings(
        cls,
        rows: Any,
        y: Any,
        *,
        task: str | None = None,
        target_names: Any = None,
        method: str = "pca",
        images: Any = None,
        random_state: int | np.random.RandomState | None = 0,
        ax: Any = None,
    ) -> Self:
        """Draw embeddings that were computed before.

        Parameters
        ----------
        rows : array-like of shape (n_images, n_features)
            The embeddings, one row per image.
        y : array-like of shape (n_images,) or (n_images, n_outputs)
            Labels, an indicator matrix, or numbers.
        task : {"classification", "multilabel", "regression"} or None, default=None
            What `y` stands for. None guesses, as :func:`compare_strategies` does.
        target_names : array-like of str of shape (n_outputs,), default=None
            The names of the labels or of the numbers. None takes the columns of `y` if it is a
            table.
        method : {"pca", "tsne"}, default="pca"
            As in :meth:`from_estimator`.
        images : images or None, default=None
            The images to draw as thumbnails. None draws points only.
        random_state : int, RandomState instance or None, default=0
            Seed of PCA and t-SNE.
        ax : matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are fewer than three images or two features, `y` does not fit to them, or
            `method` or `task` is unknown.
        """
        check_option("method", method, TITLES)
        if task is not None:
            check_option("task", task, TASKS)
        target_names = names_for(None, y, target_names)
        rows, y = np.asarray(rows), as_array(y)
        check_consistent_length(rows, y)
        if rows.ndim != 2 or rows.shape[0] < 3 or rows.shape[1] < 2:
            raise ValueError(
                "Expected embeddings of at least 3 images with at least 2 features, got an array "
                f"of shape {rows.shape} instead."
            )
        # On a busy machine, threads that wait for each other make a small map 40 times slower.
        with threadpool_limits(1 if len(rows) < FEW else None):
            points = PCA(min(50, *rows.shape), random_state=random_state).fit_transform(rows)
            if method == "tsne":
                tsne = TSNE(perplexity=min(30, (len(rows) - 1) / 3), random_state=random_state)
                points = tsne.fit_transform(points)
        looks = {"task": task, "target_names": target_names}
        return cls(points=points[:, :2], y=y, method=method, images=images, **looks).plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(), size=(8, 6))

    def _draw(self) -> None:
        task = self.task or guess_task(self.y)
        drawn = draw_points(self.ax_, self.points, self.y, task, self.target_names)
        if self.images is not None:
            self._draw_thumbnails(drawn.colours)
        title = ", coloured ".join(filter(None, [TITLES[self.method], drawn.words]))
        self.ax_.set(xticks=[], yticks=[], title=title)

    def _draw_thumbnails(self, colours: list) -> None:
        """Draw those images that are far enough from the ones drawn before."""
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        images, drawn = as_images(self.images), np.empty((0, 2))
        span = np.ptp(self.points, axis=0)
        span[span == 0] = 1  # for example if all images are equal
        for i in np.random.default_rng(0).permutation(len(self.points)):
            point = self.points[i] / span
            if len(drawn) and np.abs(drawn - point).max(axis=1).min() < THUMBNAIL_DISTANCE:
                continue
            drawn = np.vstack([drawn, point])
            pixels = images.open(i).decode(at_least=2 * THUMBNAIL_SIDE)
            box = AnnotationBbox(
                OffsetImage(thumbnail(pixels, THUMBNAIL_SIDE), zoom=1),
                self.points[i],
                pad=0.15,
                bboxprops={"edgecolor": colours[i], "linewidth": 1.5},
            )
            self.ax_.add_artist(box)
