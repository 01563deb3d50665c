"""The options of `sklearn-tl card`."""

from sklearn_tl.cli.options.parser import OneLineParser, add_allow_pickle

HELP = """\
Prints what the model was made of, how good it is on images that it was not trained on, and what it
must not be used for. The model is not run, and no network is loaded. A model that sklearn-tl study
did not write has no scores, and its card says so.
"""


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl card`."""
    options = OneLineParser(
        "sklearn-tl card",
        usage="%(prog)s MODEL [options]",
        description="Print the card of a model.",
        epilog=HELP,
    )
    options.add_argument("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    options.add_argument("--json", action="store_true", help="for programs, instead of Markdown")
    add_allow_pickle(options)
    return options
