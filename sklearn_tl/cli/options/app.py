"""The options of `sklearn-tl app`."""

from sklearn_tl.cli.options.parser import (
    MODEL_FILES,
    OneLineParser,
    add_allow_pickle,
    add_page_options,
)

HELP = (
    """\
Opens a page in the browser: drop photographs or a folder on it. The page shows the answer about
each image, how sure it is, whether the image is unlike the training images, and where the network
looked. Answers can be corrected and downloaded as a CSV file. No image leaves this machine, and no
network is needed. Ctrl-C ends the page.

It requires two packages: pip install 'starlette>=1.0' 'uvicorn>=0.40'

"""
    + MODEL_FILES
)


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl app`."""
    options = OneLineParser(
        "sklearn-tl app",
        usage="%(prog)s MODEL [options]",
        description="Ask a model about photographs, in the browser.",
        epilog=HELP,
    )
    options.add_argument("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    add_allow_pickle(options)
    add_page_options(options)
    return options
