"""Pictures in scikit-learn's form: what a training did, where images lie, which went wrong."""

import textwrap

import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.validation import check_is_fitted

from sklearn_tl._utils import check_option, safe_indexing
from sklearn_tl.images import as_images
from sklearn_tl.inspection.activation_maps import class_activation_maps
from sklearn_tl.inspection.drawing import COLOURS, MARKERS, new_axes, shortened

ORDERS = ("wrong", "unsure", "first")


class TrainingHistoryDisplay:
    """Loss, accuracy and learning rates over the epochs of a fine-tuning.

    Parameters
    ----------
    history : list of dict
        A dict an epoch, with ``train_loss``, ``train_acc``, ``lr``, ``lr_lowest`` and, with early
        stopping, ``valid_loss`` and ``valid_acc``.
    head_history : list of dict, default=()
        The same of the epochs before these, in which a head was trained alone.
    best_epoch : int or None
        The epoch, counted from 1, whose weights were kept; None is the last.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes, of shape (2,)
        Of loss and accuracy, and of learning rates.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import FineTuneClassifier, TrainingHistoryDisplay
    >>> X = np.random.default_rng(0).integers(0, 128, (6, 32, 32, 3), dtype=np.uint8)
    >>> X[::2] += 127
    >>> classifier = FineTuneClassifier(unfreeze=1, max_epochs=2).fit(X, ["light", "dark"] * 3)
    >>> display = TrainingHistoryDisplay.from_estimator(classifier)
    >>> len(display.ax_)
    2
    """

    def __init__(self, *, history, head_history=(), best_epoch=None):
        self.history = history
        self.head_history = head_history
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the training of a fitted `FineTuneClassifier`.

        Parameters
        ----------
        estimator : FineTuneClassifier
            Fitted, with layers that were trained.
        ax : sequence of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay

        Raises
        ------
        ValueError
            If nothing but a linear head was fitted, which has no epochs.
        """
        check_is_fitted(estimator)
        history = [dict(epoch) for epoch in estimator.history_]
        if not history:
            raise ValueError(
                "There is no epoch to draw: with unfreeze=None a linear head is fitted in one step."
            )
        best = None
        if "valid_loss" in history[0]:
            best = int(np.argmin([epoch["valid_loss"] for epoch in history])) + 1
        head = [dict(epoch) for epoch in getattr(estimator, "head_history_", ())]
        return cls(history=history, head_history=head, best_epoch=best).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : sequence of two matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
        """
        from matplotlib.ticker import MaxNLocator

        self.figure_, self.ax_ = new_axes(ax, 2, (9, 4.2))
        curves, rates = self.ax_
        # The epochs of the head alone come before the first.
        history = [*self.head_history, *self.history]
        epochs = np.arange(len(history)) + 1 - len(self.head_history)
        few = max(1, len(epochs) // 20)  # markers where there are many epochs
        accuracy = curves.twinx()
        for part, style in (("train", "-"), ("valid", "--")):
            if f"{part}_loss" not in history[-1]:
                continue
            name = {"train": "training", "valid": "validation"}[part]
            for axes, what, word, i in (
                (curves, "loss", "loss", 0),
                (accuracy, "acc", "accuracy", 1),
            ):
                values = [epoch.get(f"{part}_{what}", np.nan) for epoch in history]
                look = {"color": COLOURS[i], "marker": MARKERS[i], "markevery": few}
                axes.plot(epochs, values, style, label=f"{word}, {name}", **look)
        curves.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        accuracy.set(ylabel="accuracy", ylim=(None, 1.02))
        lines = [*curves.get_lines(), *accuracy.get_lines()]
        if self.head_history:
            shade = {"color": "0.92", "zorder": 0, "label": "head alone"}
            lines.append(curves.axvspan(epochs[0] - 0.5, 0.5, **shade))
            rates.axvspan(epochs[0] - 0.5, 0.5, **shade)
        if self.best_epoch is not None:
            kept = {"color": "0.5", "linestyle": ":", "zorder": 0, "label": "epoch kept"}
            lines.append(curves.axvline(self.best_epoch, **kept))
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "fontsize": "small"}
        curves.legend(handles=lines, ncols=2, **below)
        rates.plot(epochs, [e["lr"] for e in history], color=COLOURS[0], marker="o", markevery=few)
        lowest = [np.nan] * len(self.head_history) + [e["lr_lowest"] for e in self.history]
        rates.plot(epochs, lowest, "--", color=COLOURS[1])
        rates.legend(rates.get_lines(), ["head", "first layer trained"], ncols=2, **below)
        rates.set(xlabel="epoch", ylabel="learning rate at its end", ylim=(0, None))
        for axes in self.ax_:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return self


class EmbeddingDisplay:
    """A map of embeddings in two dimensions, with a marker and a colour a class.

    Parameters
    ----------
    points : ndarray of shape (n_images, 2)
        Where each image lies.
    y : array-like of shape (n_images,)
        Labels.
    method : {"pca", "tsne"}
        Which map it is.
    images : images or None
        For thumbnails.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_tl import ConvFeatureExtractor, EmbeddingDisplay
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> photos = load_photo_patches()
    >>> extractor = ConvFeatureExtractor(image_size=64)
    >>> X, y = photos.images[::10], photos.target_names[photos.target[::10]]
    >>> display = EmbeddingDisplay.from_estimator(extractor, X, y)
    >>> display.points.shape == (len(X), 2)
    True
    """

    def __init__(self, *, points, y, method="pca", images=None):
        self.points = points
        self.y = y
        self.method = method
        self.images = images

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, method="pca", thumbnails=False, random_state=0, ax=None
    ):
        """Draw the embeddings that a transformer makes of images.

        Parameters
        ----------
        estimator : ConvFeatureExtractor, FineTuneClassifier or another transformer
            It is fitted here where it was not. Of a pipeline that ends in a classifier the steps
            before it are taken.
        X : images
            As :class:`ConvFeatureExtractor` takes them.
        y : array-like of shape (n_images,)
            Labels.
        method : {"pca", "tsne"}, default="pca"
            "tsne" keeps neighbours together and takes longer; distances between groups mean
            nothing in it.
        thumbnails : bool, default=False
            Draw the images themselves, as many as there is room for.
        random_state : int, default=0
            Of t-SNE.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
        """
        from sklearn.exceptions import NotFittedError

        if isinstance(estimator, Pipeline) and not hasattr(estimator, "transform"):
            estimator = estimator[:-1]  # of a classifier on embeddings, what it gets
        try:
            rows = estimator.transform(X)
        except NotFittedError:
            rows = estimator.fit(X, y).transform(X)
        images = _as_read_by(estimator, X) if thumbnails else None
        return cls.from_embeddings(
            rows, y, method=method, images=images, random_state=random_state
        ).plot(ax=ax)

    @classmethod
    def from_embeddings(cls, rows, y, *, method="pca", images=None, random_state=0):
        """Make the map of rows (n_images, n_features) without drawing it."""
        check_option("method", method, ("pca", "tsne"))
        rows = np.asarray(rows)
        if len(rows) < 3:
            raise ValueError(f"A map needs 3 images or more, and X holds {len(rows)}.")
        points = PCA(min(50, *rows.shape), random_state=random_state).fit_transform(rows)
        if method == "tsne":
            perplexity = min(30, (len(rows) - 1) / 3)
            points = TSNE(perplexity=perplexity, random_state=random_state).fit_transform(points)
        return cls(points=points[:, :2], y=np.asarray(y), method=method, images=images)

    def plot(self, *, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
        """
        self.figure_, self.ax_ = new_axes(ax, 1, (8, 6))
        names = LabelEncoder().fit(self.y).classes_
        drawn = []
        for i, name in enumerate(names):
            own = self.points[np.asarray(self.y) == name]
            points = self.ax_.scatter(
                *own.T,
                s=28,
                color=COLOURS[i % len(COLOURS)],
                marker=MARKERS[i % len(MARKERS)],
                edgecolor="white",
                linewidth=0.4,
            )
            drawn.append(points)
        if self.images is not None:
            self._draw_thumbnails(names)
        beside = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5), "fontsize": "small"}
        self.ax_.legend(drawn, [shortened(name) for name in names], **beside)
        self.ax_.set(xticks=[], yticks=[], title={"pca": "PCA", "tsne": "t-SNE"}[self.method])
        return self

    def _draw_thumbnails(self, names):
        """Draw images that are far enough from those drawn before."""
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        images, drawn = as_images(self.images), np.empty((0, 2))
        span = np.ptp(self.points, axis=0)
        order = np.random.default_rng(0).permutation(len(self.points))
        for i in order:
            point = self.points[i] / span
            if len(drawn) and np.abs(drawn - point).max(axis=1).min() < 0.07:
                continue
            drawn = np.vstack([drawn, point])
            code = int(np.flatnonzero(names == np.asarray(self.y)[i])[0])
            box = AnnotationBbox(
                OffsetImage(_thumbnail(images[i], 28), zoom=1),
                self.points[i],
                pad=0.15,
                bboxprops={"edgecolor": COLOURS[code % len(COLOURS)], "linewidth": 1.5},
            )
            self.ax_.add_artist(box)


class PredictionGridDisplay:
    """Images with their true label, the predicted one and its probability.

    Parameters
    ----------
    images : images
        Those that are shown, in order.
    y_true : array-like of shape (n_images,)
        True labels.
    y_pred : array-like of shape (n_images,)
        Predicted labels.
    confidences : ndarray of shape (n_images,) or None
        Probability of the predicted class.
    positions : ndarray of shape (n_images,)
        Where each stands in the user's X.
    maps : ndarray of shape (n_images, height, width) or None
        Class-activation maps, which are laid over the images.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_tl import PredictionGridDisplay
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> X = load_photo_patches().images[:4]
    >>> y_true, probabilities = ["cat", "dog", "cat", "dog"], [[1, 0], [0.8, 0.2]] * 2
    >>> display = PredictionGridDisplay.from_predictions(X, y_true, probabilities)
    >>> display.positions.tolist()
    [1, 3]
    """

    def __init__(self, *, images, y_true, y_pred, confidences=None, positions=None, maps=None):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.confidences = confidences
        self.positions = positions
        self.maps = maps

    @classmethod
    def from_estimator(cls, estimator, X, y, *, show="wrong", n_images=12, maps=False, ax=None):
        """Draw what a fitted classifier makes of images.

        Parameters
        ----------
        estimator : classifier with `predict_proba`
            A fitted one.
        X : images
            As :class:`ConvFeatureExtractor` takes them.
        y : array-like of shape (n_images,)
            True labels.
        show : {"wrong", "unsure", "first"}, default="wrong"
            The wrong ones, the surest of them first; all, the least sure first; or the first ones.
        n_images : int, default=12
            How many at most.
        maps : bool, default=False
            Lay over each image which parts of it speak for the predicted class, see
            :func:`class_activation_maps`.
        ax : sequence of matplotlib Axes, default=None
            Where to draw, at least as many as images; None makes a new figure.

        Returns
        -------
        display : PredictionGridDisplay
        """
        probabilities, images = estimator.predict_proba(X), _as_read_by(estimator, X)
        display = cls._of(
            images, y, probabilities, estimator.classes_, show=show, n_images=n_images
        )
        if maps and len(display.positions):
            shown = safe_indexing(X, display.positions)
            display.maps = class_activation_maps(estimator, shown, display.y_pred)
        return display.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, X, y_true, probabilities, *, classes=None, show="wrong", n_images=12, ax=None
    ):
        """Draw images with probabilities that were computed before, by cross-validation say.

        Parameters
        ----------
        X : images
            As :class:`ConvFeatureExtractor` takes them.
        y_true : array-like of shape (n_images,)
            True labels.
        probabilities : array-like of shape (n_images, n_classes)
            A column a class.
        classes : array-like of shape (n_classes,), default=None
            The labels in the order of the columns; None takes those of `y_true`, sorted.
        show : {"wrong", "unsure", "first"}, default="wrong"
            As in `from_estimator`.
        n_images : int, default=12
            How many at most.
        ax : sequence of matplotlib Axes, default=None
            Where to draw, at least as many as images; None makes a new figure.

        Returns
        -------
        display : PredictionGridDisplay
        """
        classes = np.unique(y_true) if classes is None else np.asarray(classes)
        return cls._of(X, y_true, probabilities, classes, show=show, n_images=n_images).plot(ax=ax)

    @classmethod
    def _of(cls, X, y_true, probabilities, classes, *, show, n_images):
        check_option("show", show, ORDERS)
        y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
        images = as_images(X)
        wanted = (len(images), len(classes))
        if probabilities.shape != wanted or y_true.shape != wanted[:1]:
            raise ValueError(
                f"There are {len(images)} images, {y_true.shape} labels, probabilities of shape "
                f"{probabilities.shape} and {len(classes)} classes, which do not belong together. "
                "If not every class is among the labels, pass classes=."
            )
        chosen = probabilities.argmax(axis=1)
        y_pred, confidences = np.asarray(classes)[chosen], probabilities.max(axis=1)
        if show == "wrong":
            wrong = np.flatnonzero(y_pred != y_true)
            positions = wrong[np.argsort(-confidences[wrong], kind="stable")]
        elif show == "unsure":
            positions = np.argsort(confidences, kind="stable")
        else:
            positions = np.arange(len(y_true))
        positions = positions[:n_images]
        return cls(
            images=[images[i] for i in positions],
            y_true=y_true[positions],
            y_pred=y_pred[positions],
            confidences=confidences[positions],
            positions=positions,
        )

    def plot(self, *, ax=None):
        """Draw it.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            At least as many as images; None makes a new figure.

        Returns
        -------
        display : PredictionGridDisplay
        """
        n = len(self.images)
        columns = min(4, max(1, n))
        rows = -(-max(1, n) // columns)
        size = (2.5 * columns, 2.95 * rows)
        self.figure_, self.ax_ = new_axes(ax, (rows, columns), size, least=max(1, n))
        for axes in self.ax_.flat:
            axes.set_axis_off()
        if n == 0:
            self.ax_.flat[0].set_title("No image is classified wrongly", fontsize="small")
        for i, axes in zip(range(n), self.ax_.flat, strict=False):
            image = _thumbnail(self.images[i], 224)
            axes.imshow(image)
            if self.maps is not None:
                height, width = image.shape[:2]
                extent = (-0.5, width - 0.5, height - 0.5, -0.5)
                axes.imshow(
                    self.maps[i], cmap="inferno", alpha=0.5, extent=extent, interpolation="bilinear"
                )
            axes.set_title(self._title(i), fontsize="small", loc="left")
        return self

    def _title(self, i):
        right = self.y_pred[i] == self.y_true[i]
        sure = "" if self.confidences is None else f" ({self.confidences[i]:.2f})"
        predicted = textwrap.fill(f"{'✓' if right else '✗'} {shortened(self.y_pred[i])}{sure}", 30)
        return predicted if right else f"{predicted}\nis {shortened(self.y_true[i])}"


def _as_read_by(estimator, X):
    """Return images in the way in which an estimator reads them."""
    while not hasattr(estimator, "_check_images"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = estimator[0]
        else:
            return as_images(X)
    return estimator.read_images(X)


def _thumbnail(pixels, side):
    """Return pixels (height, width, 3) as uint8, of which the longer side is `side`."""
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    scale = side / max(image.size)
    if scale < 1:
        image = image.resize([max(1, round(scale * length)) for length in image.size])
    return np.asarray(image)
