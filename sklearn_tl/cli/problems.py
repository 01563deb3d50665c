"""What is wrong with one image, in the words of the command line."""

from sklearn_tl.cli.messages import reword
from sklearn_tl.datasets import without_position


def problem_of(path: str, text: str) -> str:
    """Return what is wrong with one image, in a sentence that begins with its path.

    Parameters
    ----------
    path : str
    text : str
        The message of the error that was raised when this image was read.

    Returns
    -------
    problem : str
    """
    return reword(without_position(path, text), [path])
