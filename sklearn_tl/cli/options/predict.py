"""The options of `sklearn-tl predict`."""

from pathlib import Path

from sklearn_tl.cli.options.parser import MODEL_FILES, OneLineParser
from sklearn_tl.cli.options.values import count, share

HELP = (
    """\
Prints one line per image, separated by tabs: its path, its class and the probability of that class.
If the model was made for several labels per image, a line has the labels whose probability is above
0.5. If it predicts numbers, a line has the numbers. Images that cannot be read are named on stderr,
the other images are answered all the same, and the exit status is 1.

A model that sklearn-tl study wrote knows what its training images look like: a line says so if an
image is unlike them. With --min-confidence or --error, the class is left empty if it is not
probable enough, and the line says unsure.

With --csv, the answers are written to a file that a spreadsheet opens, in UTF-8 and with a header.
Images that cannot be read have a text in its column error. A spreadsheet runs text as a formula if
it begins with = + - or @: such a text gets an apostrophe in front.

"""
    + MODEL_FILES
)


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl predict`."""
    options = OneLineParser(
        "sklearn-tl predict",
        usage="%(prog)s MODEL IMAGE [IMAGE ...] [options]",
        description="Print what a model predicts for images.",
        epilog=HELP,
    )
    add = options.add_argument
    add("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    add("images", metavar="IMAGE", nargs="+", help="a file, or a folder of files")
    add("--csv", metavar="FILE", type=Path, help="write the answers to this file, and print none")
    shown = options.add_mutually_exclusive_group()
    shown.add_argument(
        "--probabilities",
        action="store_true",
        help="the probability of every class or label, in a column for each",
    )
    shown.add_argument(
        "--top",
        metavar="K",
        type=count,
        default=0,
        help="the K most probable classes or labels, with their probabilities",
    )
    which = options.add_mutually_exclusive_group()
    which.add_argument(
        "--min-confidence",
        metavar="P",
        type=share,
        help="leave the class empty and say unsure if its probability is below P",
    )
    which.add_argument(
        "--error",
        metavar="SHARE",
        type=share,
        help="the same, with the P at which at most this share of the answers is wrong, as the "
        "study has found",
    )
    return options
