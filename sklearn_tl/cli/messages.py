"""Messages in the words of the command line: one line on stderr, options instead of parameters."""

import re
import sys
from collections.abc import Sequence

# Parameters whose names are no words of English, and so can be replaced wherever they occur.
UNMISTAKABLE = (
    *("image_size", "resize_mode", "value_range", "train_sizes"),
    *("n_jobs", "max_pixels", "path_column", "quantize"),
)
OPTIONS = (
    *UNMISTAKABLE,
    *("channels", "page", "backbone", "weights", "cache", "strategies", "cv"),
    *("target", "group", "images", "separator", "task", "errors"),
)
LIST = "python -c 'import sklearn_tl; print(*sklearn_tl.list_backbones())'"
NUMBER = r"[-+.\deinfa]+"
# What users have named stays as it is: in quotation marks, in the cells of a row, among classes.
NAMES = (
    r"(?<!\w)(?P<mark>['\"])(?:\\.|(?!(?P=mark)).)*(?P=mark)(?!\w)",
    r"row \d+ \([^()]*\)",
    r"different (?:texts|whole numbers|tags) \([^()]*\)",
)
BEFORE, AFTER = r"(?<![\w./\\-])", r"(?![\w(:/\\]|\.\w)"  # a parameter, and no part of a path


def complain(kind: str, message: object, names: Sequence[str] = ()) -> None:
    """Print a message on one line of stderr.

    Parameters
    ----------
    kind : {"error", "warning"}
    message : Exception or str
        Line breaks become spaces. An error of a table that has several problems takes a line for
        each of them.
    names : sequence of str, default=()
        Names in the message that stay as they are, such as the path of an image.
    """
    if isinstance(message, OSError) and message.strerror:
        message = ": ".join(filter(None, (message.filename, message.strerror)))
    for line in getattr(message, "lines", [message]):
        text = " ".join(part.strip() for part in reword(str(line), names).splitlines())
        print(f"sklearn-tl: {kind}: {text}", file=sys.stderr, flush=True)


def reword(text: str, names: Sequence[str] = ()) -> str:
    """Replace what only a user of Python can do by what a user of the command line can do.

    The package's errors say which parameter to set, and how. Here these become options.

    Parameters
    ----------
    text : str
        The message of an error or a warning.
    names : sequence of str, default=()
        Names in the message that stay as they are. Those in quotation marks do so anyway.

    Returns
    -------
    text : str

    Examples
    --------
    >>> reword("image_size=0 must be positive.")
    '--image-size 0 must be positive.'
    >>> reword("'task=1.png' is empty.")
    "'task=1.png' is empty."
    """
    # The position in X means nothing to somebody who typed the name of a folder.
    text = re.sub(r"X\[\d+\] \(((['\"]).*?\2)\)", r"\1", text)
    text = re.sub(r"(?<![\w'])(page|task|errors|duplicates)=\"(\w+)\"", r"--\1 \2", text)
    text = re.sub(r"[Tt]he '(\w+)' parameter of \w+", r"\1", text)  # of scikit-learn
    kept: list[str] = []

    def keep(match: re.Match) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = re.sub("|".join([*map(re.escape, names), *NAMES]), keep, text)
    text = _with_options(text)
    return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], text)


def _with_options(text: str) -> str:
    # An advice that takes a line of Python; the sentence goes on with another one.
    text = text.replace(": check_images(X) lists them all.", ".")
    text = re.sub(r", for example with np\.\w+\(X\)", "", text)
    text = text.replace("list_backbones() lists all", f"All are listed by {LIST}")
    example = rf"value_range=\(black, white\).*?\(({NUMBER}), ({NUMBER})\)( say)?"
    text = re.sub(example, r"--value-range \1 \2", text)
    text = re.sub(rf"value_range=[(\[]({NUMBER}), ({NUMBER})[)\]]", r"--value-range \1 \2", text)
    text = re.sub(r"channels=\(([\d, ]+?),?\)", _in_words("--channels"), text)
    for name in OPTIONS:
        option = "--" + name.replace("_", "-")
        text = re.sub(rf"{BEFORE}`?{name}=`?\[([^\]]*)\]", _in_words(option), text)
        text = re.sub(rf"{BEFORE}{name}=", f"{option} ", text)
        if name in UNMISTAKABLE:
            text = re.sub(rf"{BEFORE}`?{name}`?{AFTER}", option, text)
    return re.sub(rf"{BEFORE}random_state{AFTER}", "--seed", text)


def in_report(summary: str) -> str:
    """Return the summary of a comparison for somebody who has its report and no Python."""
    return summary.replace(
        "label_errors() lists them.", "label_errors.csv of the report (--report DIR) lists them."
    )


def _in_words(option):
    return lambda match: f"{option} {match[1].replace(', ', ' ')}"
