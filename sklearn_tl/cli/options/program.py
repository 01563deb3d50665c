"""The commands, and the `--help` of the program without a command."""

from sklearn_tl.cli.options.parser import OneLineParser

# Name → what follows it, and what it does. A command has two modules of this name: `options.NAME`
# with its `parser`, and `NAME` with the function of this name, which runs it.
COMMANDS = {
    "study": (
        "[FOLDER | TABLE] [options]",
        "compare strategies of transfer learning on your images, and write the best model",
    ),
    "score": (
        "MODEL FOLDER | TABLE [options]",
        "say how good a model is on images with labels, and which of them it gets wrong",
    ),
    "predict": (
        "MODEL IMAGE [IMAGE ...] [options]",
        "print the classes, labels or numbers that a model predicts for images",
    ),
    "label": (
        "FOLDER [options]",
        "label images in the browser: the page shows those that teach most",
    ),
    "app": (
        "MODEL [options]",
        "ask a model about photographs in the browser",
    ),
    "export": (
        "MODEL FILE.onnx [options]",
        "write a model as an ONNX file, for programs without Python",
    ),
    "card": (
        "MODEL [options]",
        "print what a model was made of, how good it is, and what it must not be used for",
    ),
}
HELP = """
Without a command, a demonstration runs: a study of photographs that are built in. It takes less
than two minutes. For the options of a command: sklearn-tl study --help
"""


def parser() -> OneLineParser:
    """Return the parser of the program without a command, which has no option but the common."""
    lines = [f"       sklearn-tl {name} {rest}" for name, (rest, _) in COMMANDS.items()]
    commands = [f"  {name:<10} {what}" for name, (_, what) in COMMANDS.items()]
    return OneLineParser(
        "sklearn-tl",
        usage="\n".join(["sklearn-tl", *lines]),
        description="Transfer learning for images.",
        epilog="\n".join(["commands:", *commands, HELP]),
    )
