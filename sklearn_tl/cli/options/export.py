"""The options of `sklearn-tl export`."""

from pathlib import Path

from sklearn_tl.cli.options.parser import MODEL_FILES, OneLineParser

HELP = (
    """\
Writes an ONNX file for programs without Python: a phone, a camera, a production line. Resizing and
cropping are inside, so the input is an image of any size: uint8 numbers of shape (n, height, width,
3). The outputs are labels and probabilities, tags or numbers. The names of the classes are in the
metadata.

With --quantize, the network computes with 8 bits. The file is about a third as large, and answers
change: few on photographs of flowers, most of them on traffic signs. A warning says so if more than
5 % change for the images of DIR, for example those of the study. These set the ranges of numbers.

It requires four packages: pip install onnx onnxruntime onnxscript skl2onnx

"""
    + MODEL_FILES
)


def parser() -> OneLineParser:
    """Return the parser of `sklearn-tl export`."""
    options = OneLineParser(
        "sklearn-tl export",
        usage="%(prog)s MODEL FILE.onnx [options]",
        description="Write a model as an ONNX file.",
        epilog=HELP,
    )
    add = options.add_argument
    add("model", metavar="MODEL", help="a file of sklearn-tl study --out MODEL")
    add("out", metavar="FILE.onnx", type=Path, help="the file to write")
    add(
        "--quantize",
        metavar="DIR",
        help="compute with 8 bits, in ranges that the images in this folder set",
    )
    return options
