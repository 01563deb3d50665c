"""The options of `sklearn-tl label`."""

from pathlib import Path

from sklearn_tl.cli.options.parser import OneLineParser, add_page_options

HELP = """\
Opens a page in the browser that shows the images of FOLDER that teach a model most. One key gives
an image its class. After each answer a model is fitted again, and an estimate of its accuracy says
when to stop. The answers are saved after each one, in a CSV file that sklearn-tl study reads. Type
the same command again to go on. No image leaves this machine, and no network is needed.

It requires two packages: pip install 'starlette>=1.0' 'uvicorn>=0.40'

example:
  sklearn-tl label photos --classes cat dog
  sklearn-tl study photos/labels.csv --task classification --out model.sktl
"""


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl label`."""
    options = OneLineParser(
        "sklearn-tl label",
        usage="%(prog)s FOLDER [options]",
        description="Label images, in the browser.",
        epilog=HELP,
    )
    add = options.add_argument
    add("folder", metavar="FOLDER", help="a folder of image files, at any depth")
    add(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="names of classes; more can be added on the page",
    )
    add(
        "--out",
        metavar="FILE",
        type=Path,
        help="the CSV file of the answers; default: labels.csv in FOLDER",
    )
    add(
        "--backbone",
        metavar="NAME",
        default="efficientnet_lite0",
        help="pretrained network; default: efficientnet_lite0",
    )
    add(
        "--cache",
        metavar="FILE",
        help="keep the embeddings in this file; default: a hidden file beside the CSV file",
    )
    add_page_options(options)
    return options
