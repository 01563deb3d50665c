"""What all pictures share: colours that everyone can tell apart, and axes to draw on."""

import importlib.util
import textwrap

import numpy as np

# Okabe & Ito, "Color Universal Design" (2008), the dark ones first; with twelve classes they come
# again with other markers, which also tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p")


def new_axes(ax, shape, size, least=None):
    """Return a figure and its axes: those that were given, or new ones.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of them, or None
    shape : int or (rows, columns)
        How many axes are needed.
    least : int, default=None
        How many will do if they are given; None is all.
    size : (width, height)
        Of a new figure, in inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If fewer axes were given.
    """
    require_matplotlib()
    import matplotlib.pyplot as plt

    rows, columns = (1, shape) if isinstance(shape, int) else shape
    if ax is None:
        figure, axes = plt.subplots(
            rows, columns, figsize=size, layout="constrained", squeeze=False
        )
    else:
        axes = np.atleast_1d(np.asarray(ax, dtype=object))
        least = rows * columns if least is None else least
        if axes.size < least:
            raise ValueError(f"ax holds {axes.size} axes, but {least} are needed.")
        figure = axes.flat[0].figure
    if isinstance(shape, int):
        axes = axes.ravel()
        return figure, axes[0] if shape == 1 else axes
    return figure, axes


def require_matplotlib():
    """Say what to install where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError('Pictures need the package matplotlib: pip install "sklearn-tl[plots]".')


def shortened(name, width=28):
    """Return a label that leaves room for the picture."""
    return textwrap.shorten(str(name), width, placeholder="…") or str(name)[:width]
