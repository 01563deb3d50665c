"""The command line: what embeddings gain over raw pixels on a folder of class folders."""

import argparse
import io
import os
import shlex
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_tl import ConvFeatureExtractor, __version__, compare_strategies, persistence
from sklearn_tl._utils import replacing, tqdm
from sklearn_tl.cli.folders import files_below, load, read, summary
from sklearn_tl.cli.report import write_report
from sklearn_tl.comparison import default_strategies
from sklearn_tl.datasets import load_photo_patches
from sklearn_tl.inspection import require_matplotlib

SIZES = (2, 5, 10, 20, 50, 100, 200)  # training images a class
PATCH_SIZES = (2, 5, 10)
N_DRAWS = 10
RAW_C = (0.001, 0.01)  # the better one came within 0.01 of the best from 0.0001 to 1
CHUNK = 64  # images that `predict` answers at a time

TRUST_HELP = """\
A model file is a pickle, and opening one may run any code: open only those you trust. One
whose name ends in .sktl holds data and no code, and may be a stranger's.
"""
STUDY_HELP = (
    """\
FOLDER holds one sub-folder a class. JPEG, PNG, GIF, BMP, TIFF and WebP files are found in them at
any depth; names that begin with a dot are passed over. Files that cannot be read are listed and
left out, and so are classes of fewer than 2 images. Each line of the study trains on so many
images of each class, drawn at random (at most half of a class), and tests on all others; the last
line cross-validates on all images. Raw pixels are what the embeddings have to beat.

To name the classes of other images: sklearn-tl predict MODEL IMAGE [IMAGE ...]
"""
    + TRUST_HELP
)
COMPARE_HELP = """\
FOLDER is laid out as for sklearn-tl without a command. DIR gets report.html, which needs no other
file and no network, and its pictures as PNG. Training all layers takes most of the time: leave it
out by --strategies "raw pixels" embeddings "head alone" "last layer".
"""
PREDICT_HELP = (
    """\
Prints a line an image: path, class and probability, separated by tabs. Images that cannot be read
are named on stderr and the others answered; the exit status is then 1.

"""
    + TRUST_HELP
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    status : int
        0; 1 after errors, which were printed; 130 after Ctrl-C; 141 if nobody reads the output.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: complain("warning", message)
        try:
            if argv[:1] == ["predict"]:
                status = predict(predict_parser().parse_args(argv[1:]))
            elif argv[:1] == ["study"]:
                status = compare(compare_parser().parse_args(argv[1:]))
            else:
                status = report(study_parser().parse_args(argv))
            sys.stdout.flush()
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            # The interpreter will flush again when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except (OSError, ValueError, ImportError) as error:
            complain("error", error)
            return 1
    return status


def study_parser():
    parser = argparse.ArgumentParser(
        "sklearn-tl",
        usage="%(prog)s [options] [FOLDER]\n       %(prog)s study FOLDER --report DIR\n"
        "       %(prog)s predict MODEL IMAGE [IMAGE ...]",
        description="Study by cross-validation what embeddings of a pretrained network gain over "
        "raw pixels, and fit a classifier on them.",
        epilog=STUDY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", nargs="?", metavar="FOLDER", help="default: photographs that are built in")
    add(
        "--out", metavar="MODEL", type=Path, help="write the classifier: .joblib, or .sktl for data"
    )
    add("--backbone", metavar="NAME", default="efficientnet_lite0", help="default: %(default)s")
    add("--weights", metavar="FILE", default="default", help="of the backbone; default: its own")
    add("--image-size", metavar="N", type=int, help="default: what the network was trained at")
    add("--cache", metavar="PATH", default="memory", help="keep the embeddings in a file")
    add_errors(add, default="skip")
    add("--n-jobs", metavar="N", type=int, help="processes that share the images; default: 1")
    add("--seed", metavar="N", type=natural, default=0, help="of the random draws; default: 0")
    add("--version", action="version", version=f"sklearn-tl {__version__}")
    return parser


def compare_parser():
    parser = argparse.ArgumentParser(
        "sklearn-tl study",
        description="Compare ways of transfer learning by cross-validation, with pictures.",
        epilog=COMPARE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, names = parser.add_argument, list(default_strategies())
    add("folder", metavar="FOLDER")
    add("--report", metavar="DIR", type=Path, required=True, help="folder to write to")
    add("--strategies", nargs="+", metavar="NAME", choices=names, default=names)
    add("--train-sizes", nargs="+", metavar="N", type=int, help="of learning curves")
    add("--cv", metavar="N", type=int, default=5, help="folds; default: %(default)s")
    add("--backbone", metavar="NAME", default="efficientnet_lite0", help="default: %(default)s")
    add_errors(add, default="raise")
    add("--n-jobs", metavar="N", type=int, help="processes that share the fits; default: 1")
    add("--seed", metavar="N", type=natural, default=0, help="default: 0")
    return parser


def add_errors(add, default):
    what = "at images that cannot be read: stop, or leave them out; default: %(default)s"
    add("--errors", choices=("raise", "skip"), default=default, help=what)


def natural(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no integer of 0 or more")
    return int(text)


def predict_parser():
    parser = argparse.ArgumentParser(
        "sklearn-tl predict",
        description="Name the classes of images.",
        epilog=PREDICT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="what sklearn-tl --out wrote")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a file, or a folder of files")
    return parser


def report(options):
    """Print the study of a folder or of the built-in photographs; write the model."""
    if options.out:
        check_writable(options.out)
    extractor = ConvFeatureExtractor(
        options.backbone,
        weights=options.weights,
        image_size=options.image_size,
        cache=options.cache,
        n_jobs=options.n_jobs,
        verbose=int(sys.stderr.isatty()),
    )
    extractor.fit(np.zeros((1, 32, 32, 3), dtype=np.uint8))  # wrong options are found out now
    if options.folder is None:
        data = load_photo_patches()
        X, y, test = data.images, data.target_names[data.target].astype(str), ~data.train
        pixels, _ = read(X)
        print(f"Built-in photographs: {summary(y)}")
        print("Trained on patches of their upper halves, tested on all of the lower halves.")
    else:
        X, y, pixels, _ = load(options.folder, errors=options.errors)
        test = None
    sys.stdout.flush()
    splits = all_splits(y, test, options.seed)
    extractor.transform(X)  # from here on the cache has the embeddings
    model = make_pipeline(extractor.set_params(verbose=0), LogisticRegression(max_iter=1000))
    # The matrices are small: a second BLAS thread does little but wait, and where another program
    # has the other core it makes the fits up to 20 times slower.
    with threadpool_limits(1, user_api="blas"):
        rows = study(model, X, pixels, y, splits)
        over = f"{N_DRAWS} draws" if test is not None else f"{N_DRAWS} draws or the folds"
        print(
            f"\nAccuracy, mean ± standard deviation over {over}:\n\n{table(rows)}\n\n"
            f"The largest class every time: {max(Counter(y).values()) / len(y):.3f}\n"
            f"Embeddings: {options.backbone}, LogisticRegression()\n"
            f"Raw pixels: 32 x 32 RGB, StandardScaler, LogisticRegression(C={RAW_C[0]} or "
            f"{RAW_C[1]}, whichever is better)\n"
        )
        if options.out:
            save(model.fit(X, y), options.out)
    if options.out:
        print(f"Next: sklearn-tl predict {shlex.quote(str(options.out))} IMAGE ...")
    else:
        print("Next: the same with --out MODEL.joblib, to keep the classifier and use it by")
        print("sklearn-tl predict MODEL.joblib IMAGE ...")
    return 0


def compare(options):
    """Compare strategies on a folder and write the report."""
    require_matplotlib()
    X, y, _, left_out = load(options.folder, errors=options.errors)
    try:
        options.report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--report {options.report} cannot be made: {error.strerror}.") from error
    comparison = compare_strategies(
        X,
        y,
        backbone=options.backbone,
        strategies=options.strategies,
        cv=options.cv,
        train_sizes=options.train_sizes,
        n_jobs=options.n_jobs,
        random_state=options.seed,
        verbose=int(sys.stderr.isatty()),
    )
    print(f"\n{comparison.summary()}\n")
    title = f"{os.path.basename(os.path.abspath(options.folder))}: which transfer learning?"
    page = write_report(
        options.report,
        comparison,
        X,
        y,
        title=title,
        backbone=options.backbone,
        left_out=left_out,
    )
    print(f"Wrote {page} and its pictures.")
    return 0


def predict(options):
    """Print the path, the class and its probability of each image."""
    predict_proba, classes = open_model(options.model)
    paths = []
    for image in options.images:
        below = files_below(image) if os.path.isdir(image) else [image]
        if not below:
            raise ValueError(f"{image} is a folder without image files.")
        paths += below
    status = 0
    hidden = sys.stdout.isatty() or None  # there the answers show the progress
    for start in tqdm(range(0, len(paths), CHUNK), unit=f"{CHUNK} images", disable=hidden):
        some = paths[start : start + CHUNK]
        try:
            rows = predict_proba(some)
        except (OSError, ValueError):
            _, problems = read(some)
            if not problems:
                raise
            for problem in problems.values():
                complain("error", problem)
            status = 1
            some = [path for i, path in enumerate(some) if i not in problems]
            rows = predict_proba(some) if some else []
        for path, row in zip(some, rows, strict=True):
            print(f"{path}\t{classes[row.argmax()]}\t{row.max():.3f}")
        sys.stdout.flush()
    return status


def all_splits(y, test=None, seed=0):
    """Return a dict of the lines of the study: label → list of (train, test) positions."""
    if test is not None:
        return {str(size): draws(y, size, test, seed) for size in PATCH_SIZES}
    counts = Counter(y).values()
    n_folds = min(5, max(counts))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer images than folds is in all training sets but not in all test sets.
        warnings.filterwarnings("ignore", "The least populated class")
        last = list(folds.split(y, y))
    sizes = [size for size in SIZES if size <= np.median(list(counts)) // 2]
    return {str(n): draws(y, n, None, seed) for n in sizes} | {f"all, {n_folds}-fold": last}


def draws(y, size, test=None, seed=0):
    """Return random (train, test) positions: `size` of each class, and all others.

    Where `test` is a mask, those are the test positions and all others can be drawn. Where not, a
    class gives at most half of its positions.
    """
    random = np.random.default_rng([seed, size])
    splits = []
    for _ in range(N_DRAWS):
        train = []
        for name in np.unique(y):
            pool = np.flatnonzero(y == name if test is None else (y == name) & ~test)
            n = min(size, len(pool) // 2 if test is None else len(pool))
            train.append(random.permutation(pool)[:n])
        train = np.sort(np.concatenate(train))
        rest = np.setdiff1d(np.arange(len(y)), train) if test is None else np.flatnonzero(test)
        splits.append((train, rest))
    return splits


def study(model, X, pixels, y, splits):
    """Return rows (label, accuracies of the model, accuracies of raw pixels), same splits."""

    def accuracies(pipeline, images, cv):
        bar.update()
        return cross_validate(pipeline, images, y, cv=cv, error_score="raise")["test_score"]

    rows = []
    with tqdm(total=len(splits) * (1 + len(RAW_C)), desc="cross-validation", disable=None) as bar:
        for label, cv in splits.items():
            floor = [accuracies(raw_pixels(c, cv), pixels, cv) for c in RAW_C]
            rows.append((label, accuracies(model, X, cv), max(floor, key=np.mean)))
    return rows


def raw_pixels(c, cv):
    """Return a logistic regression on pixels.

    The regression's penalty does not see rotations, so that it may have as many dimensions as
    there are images in place of 3072: the same classifier in a tenth of the time. Beyond 500
    dimensions next to nothing is left.
    """
    dimensions = min(500, *(len(train) for train, _ in cv))
    return make_pipeline(
        StandardScaler(),
        PCA(dimensions, random_state=0),
        LogisticRegression(C=c, max_iter=2000),
    )


def table(rows):
    """Lay out the rows of `study` as text."""
    lines = [("images a class", "embeddings", "raw pixels")]
    for label, *scores in rows:
        lines.append((label, *(f"{np.mean(s):.3f} ± {np.std(s):.3f}" for s in scores)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].rjust(widths[0]), *map(str.ljust, line[1:], widths[1:])]).rstrip()
        for line in lines
    )


def check_writable(path):
    """Raise now what writing the model would raise at the end."""
    if persistence.is_data(path):
        persistence.require_libraries()
    if path.is_dir():
        raise ValueError(f"--out {path} is a folder; name a file, {path / 'model.joblib'} say.")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise ValueError(f"--out {path} cannot be written: {error.strerror}.") from error


def save(model, path):
    """Write the model, whole or not at all."""
    # A study's cache is no business of those who open the model elsewhere.
    model[0].set_params(cache="memory", n_jobs=None)
    if persistence.is_data(path):
        persistence.save(model, path)
    else:
        with replacing(path) as part:
            joblib.dump(model, part)
    print(f"Wrote {path} ({path.stat().st_size / 1e3:.0f} kB), fitted on all images.")


def open_model(path):
    """Return `predict_proba` and `classes_` of the classifier in a file."""
    try:
        # A pickle that is called .sktl must not be run, and no pickle begins as an archive does.
        with open(path, "rb") as file:
            is_data = persistence.is_data(path) or file.read(4) == b"PK\x03\x04"
        model = persistence.load(path) if is_data else joblib.load(path)
        return model.predict_proba, model.classes_
    except OSError as error:
        raise ValueError(f"{path} cannot be opened: {error.strerror or error}.") from error
    except Exception as error:  # a pickle of something else can raise anything
        raise ValueError(
            f"{path} is no model file that can be opened here ({type(error).__name__}: {error}). "
            "The model comes first: sklearn-tl predict MODEL IMAGE ... Write one by "
            "sklearn-tl FOLDER --out MODEL."
        ) from error


def complain(kind, message):
    """Print a message on one line of stderr."""
    if isinstance(message, OSError) and message.strerror:
        message = ": ".join(filter(None, (message.filename, message.strerror)))
    print(f"sklearn-tl: {kind}:", *str(message).split(), file=sys.stderr, flush=True)
