"""`TrainingHistoryDisplay`: how a fine-tuning went, epoch by epoch."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_tl.inspection.display import Canvas, Display
from sklearn_tl.inspection.drawing import colour, marker
from sklearn_tl.inspection.score_axis import lowest_shown


class TrainingHistoryDisplay(Display):
    """Loss, accuracy or R², and learning rates over the epochs of a fine-tuning.

    Parameters
    ----------
    history : list of dict
        One dict per epoch, with ``train_loss``, ``train_acc`` or ``train_r2``, ``lr`` and
        ``lr_lowest``, and if there was early stopping with ``valid_loss`` and ``valid_acc`` or
        ``valid_r2``.
    head_history : list of dict, default=()
        The same for the epochs before, in which the head was trained alone.
    best_epoch : int or None, default=None
        The epoch whose weights were kept, counted from 1. None if it was the last one.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes, of shape (2,)
        The first shows the loss and the accuracy or R², the second the learning rates.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_tl import FineTuneClassifier, TrainingHistoryDisplay
    >>> X = np.random.default_rng(0).integers(0, 128, (6, 32, 32, 3), dtype=np.uint8)
    >>> X[::2] += 127
    >>> classifier = FineTuneClassifier(unfreeze=1, max_epochs=2, image_size=32)
    >>> classifier = classifier.fit(X, ["light", "dark"] * 3)
    >>> display = TrainingHistoryDisplay.from_estimator(classifier)
    >>> len(display.ax_)
    2
    """

    def __init__(
        self,
        *,
        history: Sequence[dict],
        head_history: Sequence[dict] = (),
        best_epoch: int | None = None,
    ) -> None:
        self.history = history
        self.head_history = head_history
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the training of a fitted `FineTuneClassifier` or `FineTuneRegressor`.

        Parameters
        ----------
        estimator : FineTuneClassifier or FineTuneRegressor
            A fitted estimator whose head or layers were trained in epochs.
        ax : array-like of two matplotlib Axes, default=None
            The Axes to draw on. None makes a new figure.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        ValueError
            If only a linear head was fitted, which has no epochs.
        """
        check_is_fitted(estimator)
        history = [dict(epoch) for epoch in estimator.history_]
        if not history:
            raise ValueError(
                "There are no epochs to draw: with unfreeze=None a linear head is fitted in one "
                "step. Fit with layers to train, for example unfreeze=1."
            )
        best = None
        if "valid_loss" in history[0]:
            best = int(np.argmin([epoch["valid_loss"] for epoch in history])) + 1
        head = [dict(epoch) for epoch in getattr(estimator, "head_history_", ())]
        return cls(history=history, head_history=head, best_epoch=best).plot(ax=ax)

    def _canvas(self) -> Canvas:
        return Canvas(shape=(2,), size=(9, 4.2), at_least=2)

    def _draw(self) -> None:
        from matplotlib.ticker import MaxNLocator

        curves, rates = self.ax_.flat[:2]
        history = [*self.head_history, *self.history]
        # The epochs of the head alone have the numbers up to 0.
        epochs = np.arange(len(history)) + 1 - len(self.head_history)
        look = {"markevery": max(1, len(epochs) // 20)}  # with many epochs, fewer markers
        lines = self._draw_curves(curves, epochs, history, look)
        if self.head_history:
            shade: dict[str, Any] = {"color": "0.92", "zorder": 0, "label": "head alone"}
            lines.append(curves.axvspan(epochs[0] - 0.5, 0.5, **shade))
            rates.axvspan(epochs[0] - 0.5, 0.5, **shade)
        if self.best_epoch is not None:
            kept: dict[str, Any] = {"color": "0.5", "linestyle": ":", "zorder": 0}
            lines.append(curves.axvline(self.best_epoch, label="epoch kept", **kept))
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "fontsize": "small"}
        curves.legend(handles=lines, ncols=2, **below)
        highest = [epoch["lr"] for epoch in history]
        lowest = [np.nan] * len(self.head_history) + [epoch["lr_lowest"] for epoch in self.history]
        rates.plot(epochs, highest, color=colour(0), marker=marker(0), label="head", **look)
        rates.plot(epochs, lowest, "--", color=colour(1), label="first trained layer")
        rates.legend(handles=rates.get_lines(), ncols=2, **below)
        rates.set(xlabel="epoch", ylabel="learning rate at the end of the epoch", ylim=(0, None))
        for axes in (curves, rates):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    @staticmethod
    def _draw_curves(curves: Any, epochs: np.ndarray, history: list[dict], look: dict) -> list:
        """Draw the loss and the score, and return their lines for the legend."""
        scores = curves.twinx()
        key, word = ("r2", "R²") if "train_r2" in history[-1] else ("acc", "accuracy")
        for part, name, style in (("train", "training", "-"), ("valid", "validation", "--")):
            if f"{part}_loss" not in history[-1]:
                continue
            for i, (axes, of, what) in enumerate(((curves, "loss", "loss"), (scores, key, word))):
                values = [epoch.get(f"{part}_{of}", np.nan) for epoch in history]
                look_of_line = {"color": colour(i), "marker": marker(i), **look}
                axes.plot(epochs, values, style, label=f"{what}, {name}", **look_of_line)
        curves.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        drawn = np.concatenate([line.get_ydata() for line in scores.get_lines()])
        lowest = lowest_shown(word, drawn[np.isfinite(drawn)])
        scores.set(ylabel=word, ylim=(None, 1.02))
        if np.isfinite(lowest):
            scores.set(ylabel=f"{word}, cut at −{-lowest:g}", ylim=(lowest, 1.02))
        return [*curves.get_lines(), *scores.get_lines()]
