"""The options of `sklearn-tl score`."""

from pathlib import Path

from sklearn_tl.cli.options.parser import MODEL_FILES, OneLineParser, add_table_options

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

    add_table_options(
        options,
        target="the column of classes, tags or numbers, or several columns; default: those that "
        "the model was trained on, or the only other column",
        group="the column of groups, for example of patients",
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
