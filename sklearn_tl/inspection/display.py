"""What all displays share: the `plot` method, and the Axes that they draw on."""

import importlib.util
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:  # an extra, imported when a picture is drawn
    from matplotlib.figure import Figure


class Canvas(NamedTuple):
    """The Axes that a picture needs, and the size of a new figure for them."""

    shape: tuple[int, ...]  # of the array `ax_`; () for one Axes that is in no array
    size: tuple[float, float]  # width and height of the figure in inches
    at_least: int = 1  # how many Axes are enough if the user passes some


class Display(ABC):
    """A picture in scikit-learn's form: the data are attributes, and `plot` draws them."""

    figure_: "Figure"
    ax_: Any  # one Axes, or an array of them

    @abstractmethod
    def _canvas(self) -> Canvas:
        """Return the Axes that this picture needs."""

    @abstractmethod
    def _draw(self) -> None:
        """Draw on `self.ax_`."""

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the picture, for example again on other Axes.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of matplotlib Axes, default=None
            The Axes to draw on: one, or as many as the picture has parts. None makes a new figure.

        Returns
        -------
        display : Display
            This display, with the attributes `figure_` and `ax_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` is something else than Axes.
        ValueError
            If `ax` has fewer Axes than the picture needs.
        """
        canvas = self._canvas()
        require_matplotlib()
        axes = _new_axes(canvas) if ax is None else _given_axes(ax, canvas.at_least)
        self.figure_ = axes.flat[0].figure
        self.ax_ = axes if canvas.shape else axes.flat[0]
        self._draw()
        return self


def require_matplotlib() -> None:
    """Raise an ImportError that says what to install if matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("Pictures need the package matplotlib: pip install matplotlib.")


def _new_axes(canvas: Canvas) -> np.ndarray:
    import matplotlib.pyplot as plt

    rows, columns = (1, 1, *canvas.shape)[-2:]
    _, axes = plt.subplots(rows, columns, figsize=canvas.size, layout="constrained", squeeze=False)
    return axes.reshape(canvas.shape)


def _given_axes(ax: Any, at_least: int) -> np.ndarray:
    from matplotlib.axes import Axes

    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    for item in axes.flat:
        if not isinstance(item, Axes):
            raise TypeError(
                f"Expected matplotlib Axes in ax, got {type(item).__name__} instead. Pass the "
                "second value that plt.subplots() returns, or ax=None for a new figure."
            )
    if axes.size < at_least:
        raise ValueError(
            f"Expected at least {at_least} Axes in ax, got {axes.size} instead. Pass more, for "
            f"example plt.subplots(1, {at_least})[1], or ax=None for a new figure."
        )
    return axes
