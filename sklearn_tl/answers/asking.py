"""Ask about several images at once, and name those that cannot be read."""

from collections.abc import Callable, Iterator

from sklearn_tl.answers.answers import Answer


def ask_each(
    ask: Callable[[list[str]], list[Answer]], paths: list[str]
) -> Iterator[tuple[str, Answer | Exception]]:
    """Yield each path with the answer about its image, or with the error of reading it.

    Parameters
    ----------
    ask : callable
        Of `Answers`.
    paths : list of str

    Yields
    ------
    path : str
    answer : Answer or Exception

    Raises
    ------
    OSError, ValueError or TypeError
        If the model is at fault, and not an image.
    """
    try:
        rows = ask(paths)
    except (OSError, ValueError, TypeError) as error:
        if len(paths) > 1:  # only some of them may be at fault
            half = len(paths) // 2
            yield from ask_each(ask, paths[:half])
            yield from ask_each(ask, paths[half:])
        elif "X[0]" in str(error):
            yield paths[0], error
        else:  # the model is at fault
            raise
    else:
        yield from zip(paths, rows, strict=True)
