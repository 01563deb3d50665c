"""`rank_for_labelling`: which images to label next."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from sklearn_tl._utils import num_samples
from sklearn_tl.extractor import ConvFeatureExtractor, extractor_of
from sklearn_tl.targets import has_several_labels, label_probabilities

N_COMPONENTS = 128  # enough to tell groups of images apart, and ten times as fast as all features
MOST_CLUSTERS = 500  # the time grows with their number
LEAST_WEIGHT = 1e-3  # k-means needs images with a weight, even if the model is sure of all of them


def rank_for_labelling(
    model: Any,
    X_unlabelled: Any,
    n: int = 20,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Return which images to label next, the most useful ones first.

    These are images that the model is unsure of and that differ from each other. The embeddings
    are divided into `n` clusters by k-means, with the model's uncertainty as weights. The image
    that is nearest to the centre of each cluster is taken, the heaviest cluster first.

    Parameters
    ----------
    model : fitted estimator or None
        A pipeline, a search, or an estimator of this package that was fitted on the images labelled
        so far. If it is a classifier, it must have `predict_proba`. Regressors do not say how sure
        they are, so all images have the same weight. None is for the very first images: the
        embeddings of :class:`ConvFeatureExtractor` are clustered.
    X_unlabelled : images
        In any form that `model` accepts. If `model` takes rows of numbers, such as a logistic
        regression on embeddings, an array of shape (n_images, n_features).
    n : int, default=20
        How many images to return.
    random_state : int, RandomState instance or None, default=None
        Seed of k-means.

    Returns
    -------
    positions : ndarray of int of shape (n,)
        Positions in `X_unlabelled`, in the order to label them. All are different.

    Raises
    ------
    ValueError
        If `n` is below 1 or above the number of images.
    TypeError
        If `model` is a classifier without `predict_proba`, or its embeddings cannot be found.
    NotFittedError
        If `model` is not fitted.

    Notes
    -----
    The uncertainty of one class per image is one minus the difference between the two highest
    probabilities. With several labels per image, it is the mean entropy over the labels.

    Label the images, add them to the training set, fit the model, and call this again for the rest.

    References
    ----------
    Zhdanov (2019), Diverse mini-batch active learning, which this follows. Citovsky et al. (2021),
    Batch active learning at scale. Hacohen, Dekel and Weinshall (2022), Active learning on a
    budget, for the first images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_tl.labelling import rank_for_labelling
    >>> X, y = load_digits(return_X_y=True)  # rows of numbers here; else images and a pipeline
    >>> model = LogisticRegression(max_iter=1000).fit(X[:40], y[:40])
    >>> positions = rank_for_labelling(model, X[40:], n=5, random_state=0)
    >>> positions.shape, len(set(positions.tolist()))
    ((5,), 5)
    """
    n_images = num_samples(X_unlabelled)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= n_images:
        raise ValueError(
            f"n={n!r} must be an integer from 1 to {n_images}, the number of unlabelled images."
        )
    rows, weights = _rows_and_weights(model, X_unlabelled)
    return _spread(rows, weights, int(n), random_state)


def _rows_and_weights(model: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the embedding of each image, and how unsure the model is of it."""
    if model is None:
        rows = ConvFeatureExtractor().fit(X).transform(X)
        return rows, np.ones(len(rows))
    check_is_fitted(model)
    model = getattr(model, "best_estimator_", model)
    answers: Any = X
    if isinstance(model, Pipeline) and not hasattr(model, "transform"):
        # Each image is embedded once, also without a cache.
        answers = rows = model[:-1].transform(X)
        model = model[-1]
    elif hasattr(model, "transform"):
        rows = model.transform(X)
    else:
        extractor = extractor_of(model)  # of a TransferClassifier, for example
        rows = _as_rows(model, X) if extractor is None else extractor.fit(X).transform(X)
    rows = check_array(rows, accept_sparse=False, input_name="embeddings")
    return rows, np.ones(len(rows)) if is_regressor(model) else _uncertainty(model, answers)


def _as_rows(model: Any, X: Any) -> np.ndarray:
    """Return `X` itself if it is a table of numbers."""
    rows = np.asarray(X)
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        raise TypeError(
            f"{type(model).__name__} has no embeddings: it is not a pipeline and has no transform. "
            "Pass make_pipeline(ConvFeatureExtractor(), ...), a TransferClassifier, or "
            "X_unlabelled as an array of embeddings of shape (n_images, n_features)."
        )
    return rows


def _uncertainty(model: Any, X: Any) -> np.ndarray:
    """Return how unsure a classifier is of each image, from 0 to 1."""
    if not hasattr(model, "predict_proba"):
        raise TypeError(
            f"{type(model).__name__} has no predict_proba, so it cannot say how sure it is. Use a "
            "classifier that has it, for example LogisticRegression, or pass model=None."
        )
    if has_several_labels(model):
        p = np.clip(label_probabilities(model, X), 1e-12, 1 - 1e-12)
        return -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean(axis=1)
    probabilities = np.sort(model.predict_proba(X), axis=1)
    return 1 - np.diff(probabilities[:, -2:], axis=1, prepend=0)[:, -1]


def _spread(rows: np.ndarray, weights: np.ndarray, n: int, random_state: Any) -> np.ndarray:
    """Return `n` positions: the centres of weighted clusters, then their next members."""
    random = check_random_state(random_state)
    rows = normalize(np.asarray(rows, dtype=np.float32))
    n_components = min(N_COMPONENTS, *rows.shape)
    weights = np.asarray(weights, dtype=np.float32) + LEAST_WEIGHT
    # On a busy machine, threads that wait for each other take longer than one.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # equal images are fewer clusters
        if n_components < rows.shape[1]:
            pca = PCA(n_components, svd_solver="randomized", random_state=random)
            rows = pca.fit_transform(rows)
        clusters = KMeans(min(n, MOST_CLUSTERS), n_init=1, max_iter=100, random_state=random)
        labels = clusters.fit_predict(rows, sample_weight=weights)
    distances = np.linalg.norm(rows - clusters.cluster_centers_[labels], axis=1)
    order = np.lexsort((distances, labels))
    counts = np.bincount(labels, minlength=clusters.n_clusters)
    ranks = np.empty(len(rows), dtype=np.intp)
    ranks[order] = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
    masses = np.bincount(labels, weights=weights, minlength=clusters.n_clusters)
    return np.lexsort((distances, -masses[labels], ranks))[:n]
