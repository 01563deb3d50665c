"""The options of the command line and the text of `--help`."""

import argparse
import difflib
import re
from pathlib import Path
from typing import NoReturn

from sklearn_tl import __version__
from sklearn_tl.comparison import QUICK_STRATEGIES, default_strategies
from sklearn_tl.images import MAX_PIXELS, RESIZE_MODES
from sklearn_tl.targets import TASKS

MODEL_FILES = """\
model files:
  A model file whose name ends in .sktl contains data and no code. Opening one runs no code, whoever
  made it. Any other name makes a joblib file. A joblib file is a pickle, and opening one may run
  any code: open only joblib files that you trust.
"""
PROGRAM_USAGE = """\
sklearn-tl
       sklearn-tl study [FOLDER | TABLE] [options]
       sklearn-tl predict MODEL IMAGE [IMAGE ...] [options]"""
PROGRAM_HELP = """\
commands:
  study      compare strategies of transfer learning on your images, and write the best model
  predict    print the classes, labels or numbers that a model predicts for images

Without a command, a demonstration runs: a study of photographs that are built in. It takes less
than two minutes. For the options of a command: sklearn-tl study --help
"""
STUDY_HELP = (
    """\
FOLDER has one sub-folder per class. Its image files are found at any depth, by their ending or by
their content: JPEG, PNG, GIF, BMP, TIFF, WebP, PPM, AVIF, HEIC (with pillow-heif) and arrays of
numpy. Names that begin with a dot are ignored, and classes with fewer than 2 images are left out.
TABLE is a file whose name ends in .csv, .tsv, .txt or .parquet. It has a header, a column of paths
and a column of classes, tags or numbers (pip install pandas).
Without FOLDER or TABLE, patches of 14 built-in photographs are studied: each training set has 10
patches of the upper half of each photograph, and the patches of the lower halves are tested on.

strategies:
  raw pixels              a logistic regression on small images, to be beaten by the others
  embeddings              a logistic regression on the output of the pretrained network
  head alone              the network with a new head; only the head is trained
  features of all layers  a linear model on the outputs of all layers of the network
  last layer              the head and the last layer of the network are trained
  all layers              the head and all layers of the network are trained

The first four are quick, since no layer of the network is trained. The best strategy is the first
whose mean score is within one standard error of the highest.

"""
    + MODEL_FILES
    + """
examples:
  sklearn-tl study photos --report report --out model.sktl
  sklearn-tl study photos --fine-tune
  sklearn-tl study houses.csv --target price --group zip
  sklearn-tl study posters.csv --separator "|" --out model.sktl
  sklearn-tl predict model.sktl new.jpg
"""
)
PREDICT_HELP = (
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


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors take one line, and whose options have one spelling."""

    def __init__(self, prog: str, *, usage: str, description: str, epilog: str) -> None:
        super().__init__(
            prog,
            usage,
            description,
            epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add_argument("--version", action="version", version=f"sklearn-tl {__version__}")

    def error(self, message: str) -> NoReturn:
        """Print the message on one line and exit with status 2."""
        self.exit(2, f"sklearn-tl: error: {message} For help: {self.prog} --help\n")

    def parse_args(self, args=None, namespace=None):
        """Return the options, or suggest one that is spelled like an unknown one."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = re.findall(r"--[\w-]+", self.format_help())
            close = difflib.get_close_matches(unknown[0], known, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            self.error(f"{unknown[0]!r} is not an option, and no argument is expected here.{guess}")
        return options


def program_parser() -> OneLineParser:
    """Return the parser of the program without a command, which has no option but the common."""
    return OneLineParser(
        "sklearn-tl",
        usage=PROGRAM_USAGE,
        description="Transfer learning for images.",
        epilog=PROGRAM_HELP,
    )


def study_parser() -> OneLineParser:
    """Return the parser of `sklearn-tl study`."""
    parser = OneLineParser(
        "sklearn-tl study",
        usage="%(prog)s [FOLDER | TABLE] [options]",
        description="Compare strategies of transfer learning on your images by cross-validation,\n"
        "and say which one to take.",
        epilog=STUDY_HELP,
    )
    add = parser.add_argument
    add(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="or TABLE, a file with a column of paths; default: the built-in photographs",
    )
    add("--train", metavar="DIR", help="train on this folder or table; needs --test, and no FOLDER")
    add(
        "--test",
        metavar="DIR",
        help="test on this folder, which has the same sub-folders, or on this table, which has the "
        "same columns",
    )

    add = parser.add_argument_group("what a table contains").add_argument
    add(
        "--path-column",
        metavar="NAME",
        help="the column of paths; default: the only one that names image files",
    )
    add(
        "--target",
        nargs="+",
        metavar="NAME",
        help="the column of classes, tags or numbers, or several columns of numbers or of 0 and 1; "
        "default: the only other column",
    )
    add(
        "--group",
        metavar="NAME",
        help="the column of groups, for example of patients; no fold is trained on a group and "
        "tested on it",
    )
    add(
        "--images",
        metavar="DIR",
        help="the folder that the paths are relative to; default: the folder of the table",
    )
    add(
        "--separator",
        metavar="TEXT",
        help="what is between several tags in a cell, for example '|'",
    )
    add(
        "--task",
        choices=TASKS,
        help="what the targets stand for; default: guessed from them, and said",
    )

    add = parser.add_argument_group("which images belong together").add_argument
    add(
        "--group-pattern",
        metavar="REGEX",
        help="a regular expression with parentheses around what the paths of one group have in "
        "common, for example '(.*)_\\d+\\.jpg'; no fold divides a group",
    )
    add(
        "--group-seconds",
        metavar="N",
        type=seconds,
        help="photographs of one camera that were taken at most N seconds after each other are a "
        "group, by the time in their EXIF data",
    )
    add(
        "--duplicates",
        choices=("group", "drop", "ignore"),
        default="group",
        help="copies of an image: keep them together in all folds (group, the default), leave out "
        "all but the first (drop), or do not look for them (ignore)",
    )

    group = parser.add_argument_group("what is compared")
    add, which = group.add_argument, group.add_mutually_exclusive_group()
    which.add_argument(
        "--fine-tune",
        action="store_const",
        dest="strategies",
        const=list(default_strategies()),
        help="compare all strategies, also those that train layers of the network",
    )
    which.add_argument(
        "--strategies",
        nargs="+",
        metavar="NAME",
        type=strategy,
        help=f"compare these; default: {_listed(QUICK_STRATEGIES)}",
    )
    parser.set_defaults(strategies=list(QUICK_STRATEGIES))
    add("--cv", metavar="N", type=folds, default=5, help="number of folds; default: 5")
    add(
        "--train-sizes",
        nargs="+",
        metavar="N",
        type=positive,
        help="also train on these numbers of images (of all classes together)",
    )
    add(
        "--seed",
        metavar="N",
        type=natural,
        default=0,
        help="seed of all random choices; default: 0",
    )

    add = parser.add_argument_group("the network, and how images are read").add_argument
    network = "efficientnet_lite0"
    add(
        "--backbone",
        metavar="NAME",
        default=network,
        help="pretrained network; default: " + network,
    )
    add(
        "--weights",
        metavar="FILE",
        default="default",
        help="file or name of the network's weights; default: those that belong to its name",
    )
    add(
        "--image-size",
        metavar="SIZE",
        type=image_size,
        help="input of the network in pixels: a number, HEIGHTxWIDTH, or native for each image's "
        "own size; default: the size at which the network was trained",
    )
    add(
        "--resize-mode",
        choices=RESIZE_MODES,
        default="crop",
        help="how a wide or tall image becomes as large as the input: cropped at the centre "
        "(default), padded, stretched (squash), or cut into tiles whose rows are averaged",
    )
    add(
        "--value-range",
        nargs=2,
        type=float,
        metavar=("BLACK", "WHITE"),
        help="the values of black and white in images of more than 8 bits, for example 0 4095; "
        "default: the range of the file's type",
    )
    add(
        "--channels",
        nargs="+",
        type=natural,
        metavar="N",
        help="the channels that are read, counted from 0; default: RGB",
    )
    add(
        "--page",
        metavar="N",
        type=page,
        help="the page of a file that is read, counted from 0, or mean or max of all pages; "
        "default: the first",
    )
    add(
        "--max-pixels",
        metavar="N",
        type=positive,
        default=MAX_PIXELS,
        help=f"refuse files that would be decoded to more pixels; default: {MAX_PIXELS}",
    )
    add(
        "--errors",
        choices=("skip", "raise"),
        default="skip",
        help="images that cannot be read, and rows of a table with problems: list them and leave "
        "them out (skip, the default), or stop (raise)",
    )

    add = parser.add_argument_group("how the work is done").add_argument
    add(
        "--cache",
        metavar="FILE",
        default="memory",
        help="keep the embeddings in this file, for further studies; default: in memory",
    )
    add("--n-jobs", metavar="N", type=int, help="processes that share the fits; default: 1")

    add = parser.add_argument_group("what is written").add_argument
    add(
        "--report",
        metavar="DIR",
        type=Path,
        help="write report.html, which needs no other file and no network, and its pictures",
    )
    add(
        "--out",
        metavar="MODEL",
        type=Path,
        help="write the best model, fitted on all images: .sktl or .joblib",
    )
    add(
        "--calibrate",
        action="store_true",
        help="correct the probabilities of the best model by a temperature, if they are too sure "
        "or too unsure",
    )
    return parser


def predict_parser() -> OneLineParser:
    """Return the parser of `sklearn-tl predict`."""
    parser = OneLineParser(
        "sklearn-tl predict",
        usage="%(prog)s MODEL IMAGE [IMAGE ...] [options]",
        description="Print what a model predicts for images.",
        epilog=PREDICT_HELP,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    add("images", metavar="IMAGE", nargs="+", help="a file, or a folder of files")
    add("--csv", metavar="FILE", type=Path, help="write the answers to this file, and print none")
    add(
        "--probabilities",
        action="store_true",
        help="the probability of every class or label, in a column for each",
    )
    which = parser.add_mutually_exclusive_group()
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
    return parser


def strategy(text: str) -> str:
    """Return the name of a strategy."""
    if text not in default_strategies():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a strategy. Choose from {_listed(default_strategies())}. FOLDER "
            "must come before the options."
        )
    return text


def natural(text: str, least: int = 0) -> int:
    """Return an integer of `least` or more."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of {least} or more.")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds.")
    return number


def share(text: str) -> float:
    """Return a number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1.")
    return number


def folds(text: str) -> int:
    """Return a number of folds."""
    return natural(text, least=2)


def positive(text: str) -> int:
    """Return one of several numbers, which another argument must not follow."""
    try:
        return natural(text, least=1)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error} FOLDER must come before the options.") from error


def page(text: str) -> int | str:
    """Return the number of a page, or mean or max."""
    return text if text in ("mean", "max") else natural(text)


def image_size(text: str) -> int | tuple[int, int] | str:
    """Return a size in pixels: 224, 160x320 or native."""
    sides = text.lower().split("x")
    if text == "native":
        return text
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size in pixels. Expected a number such as 224, a height and a "
            "width such as 160x320, or native."
        )
    return int(text) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _listed(names):
    return ", ".join(f'"{name}"' if " " in name else name for name in names)
