"""The options of `sklearn-tl study`."""

from pathlib import Path

from sklearn_tl._choices import MAX_PIXELS, QUICK_STRATEGIES, RESIZE_MODES, STRATEGIES, TASKS
from sklearn_tl.cli.options.parser import MODEL_FILES, OneLineParser, add_table_options
from sklearn_tl.cli.options.values import (
    folds,
    image_size,
    listed,
    natural,
    page,
    positive,
    seconds,
    strategy,
)

# `sklearn-tl` without a command is `sklearn-tl study` with these arguments. The training sizes are
# 2 and 5 patches of each of the 14 photographs; 10 of each come last. No patch overlaps another
# one, but patches of a texture may look like copies.
DEMONSTRATION = ["--strategies", "raw pixels", "embeddings", "--train-sizes", "28", "70"]
DEMONSTRATION += ["--duplicates", "ignore"]
HELP = (
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


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl study`."""
    options = OneLineParser(
        "sklearn-tl study",
        usage="%(prog)s [FOLDER | TABLE] [options]",
        description="Compare strategies of transfer learning on your images by cross-validation,\n"
        "and say which one to take.",
        epilog=HELP,
    )
    add = options.add_argument
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

    add = add_table_options(
        options,
        target="the column of classes, tags or numbers, or several columns of numbers or of 0 and "
        "1; default: the only other column",
        group="the column of groups, for example of patients; no fold is trained on a group and "
        "tested on it",
    )
    add(
        "--task",
        choices=TASKS,
        help="what the targets stand for; default: guessed from them, and said",
    )

    add = options.add_argument_group("which images belong together").add_argument
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

    group = options.add_argument_group("what is compared")
    add, which = group.add_argument, group.add_mutually_exclusive_group()
    which.add_argument(
        "--fine-tune",
        action="store_const",
        dest="strategies",
        const=list(STRATEGIES),
        help="compare all strategies, also those that train layers of the network",
    )
    which.add_argument(
        "--strategies",
        nargs="+",
        metavar="NAME",
        type=strategy,
        help=f"compare these; default: {listed(QUICK_STRATEGIES)}",
    )
    options.set_defaults(strategies=list(QUICK_STRATEGIES))
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

    add = options.add_argument_group("the network, and how images are read").add_argument
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

    add = options.add_argument_group("how the work is done").add_argument
    add(
        "--cache",
        metavar="FILE",
        default="memory",
        help="keep the embeddings in this file, for further studies; default: in memory",
    )
    add("--n-jobs", metavar="N", type=int, help="processes that share the fits; default: 1")

    add = options.add_argument_group("what is written").add_argument
    add(
        "--report",
        metavar="DIR",
        type=Path,
        help="write report.html, which needs no other file and no network, and its pictures; if "
        "the study is stopped, the same command goes on where it was",
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
    return options
