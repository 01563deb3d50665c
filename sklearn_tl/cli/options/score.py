"""The options of `sklearn-tl score`."""

from pathlib import Path

from sklearn_tl.cli.options.parser import MODEL_FILES, OneLineParser

HELP = (
    """\
FOLDER has one sub-folder per class, and TABLE is a file with a column of paths and one of classes,
tags or numbers, both as for sklearn-tl study. The model answers every image, and its answers are
compared with the labels. Take images that the model was not trained on: its score on those that it
was trained on is too high. Nothing is trained.

Images of classes that the model does not know, and images that cannot be read, are left out and
said. With --group, the interval of the score takes into account that images of one group are right
or wrong together.

"""
    + MODEL_FILES
    + """
examples:
  sklearn-tl score model.sktl new --report report
  sklearn-tl score model.sktl houses.csv --target price
  sklearn-tl score model.sktl posters.csv --separator "|" --csv predictions.csv
"""
)


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl score`."""
    options = OneLineParser(
        "sklearn-tl score",
        usage="%(prog)s MODEL FOLDER | TABLE [options]",
        description="Say how good a model is on images whose labels are known.",
        epilog=HELP,
    )
    add = options.add_argument
    add("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    add("folder", metavar="FOLDER", help="or TABLE, a file with a column of paths")

    add = options.add_argument_group("what a table contains").add_argument
    add(
        "--path-column",
        metavar="NAME",
        help="the column of paths; default: the only one that names image files",
    )
    add(
        "--target",
        nargs="+",
        metavar="NAME",
        help="the column of classes, tags or numbers, or several columns; default: those that the "
        "model was trained on, or the only other column",
    )
    add("--group", metavar="NAME", help="the column of groups, for example of patients")
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
    options.set_defaults(task=None)  # which the model decides

    add = options.add_argument_group("what is written").add_argument
    add(
        "--report",
        metavar="DIR",
        type=Path,
        help="write report.html, which needs no other file and no network, its pictures and lists",
    )
    add(
        "--csv",
        metavar="FILE",
        type=Path,
        help="write each image with its label and its prediction to this file",
    )
    return options
