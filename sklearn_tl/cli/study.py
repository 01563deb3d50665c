"""The command `sklearn-tl study`: strategies, compared on the images of a folder or a table."""

import argparse
import shlex
import sys
from pathlib import Path

import numpy as np

from sklearn_tl._choices import QUICK_STRATEGIES
from sklearn_tl.answers import Sureness
from sklearn_tl.card import card_of_study
from sklearn_tl.cli.messages import in_report
from sklearn_tl.cli.model_file import check_writable, save_model
from sklearn_tl.cli.report import write_report
from sklearn_tl.cli.report_parts import make_folder
from sklearn_tl.cli.study_images import Images, load_images, make_extractor, reading
from sklearn_tl.cli.tables import check_no_table_options, table_options
from sklearn_tl.cli.unfinished import ROWS, kept_until_finished
from sklearn_tl.comparison import StrategyComparison, compare_strategies, expected_seconds
from sklearn_tl.datasets import is_table
from sklearn_tl.extractor import ConvFeatureExtractor
from sklearn_tl.inspection import require_matplotlib


def study(options: argparse.Namespace) -> int:
    """Compare strategies, print which one to take, and write the report and the model.

    Parameters
    ----------
    options : argparse.Namespace
        Of `options.study`.

    Returns
    -------
    status : int
        0. Whatever goes wrong is an exception.
    """
    check_folders(options)
    check_targets(options)
    check_groups(options)
    extractor = make_extractor(options)
    images = load_images(options, extractor)
    if options.out and isinstance(images.X, list):
        check_writable(options.out, others=images.X)
    if options.report:
        make_folder(options.report)
    announce(options, images)
    with kept_until_finished(options.report) as folder:
        comparison = compare(options, images, folder)
        print_results(comparison)
        if folder is not None and options.cache == "memory":
            extractor.set_params(cache=folder / ROWS)  # for the map of the embeddings
        write_results(options, images, comparison, extractor)
    print_next(options, images.task)
    return 0


def compare(options: argparse.Namespace, images: Images, folder: Path | None) -> StrategyComparison:
    """Compare the strategies; what is finished is kept in a folder."""
    return compare_strategies(
        images.X,
        images.y,
        task=images.task,
        strategies=options.strategies,
        groups=images.groups,
        duplicates=options.duplicates,
        cv=images.cv,
        train_sizes=options.train_sizes,
        calibrate=options.calibrate,
        checkpoint=folder,
        n_jobs=options.n_jobs,
        random_state=options.seed,
        verbose=1,
        # Images of a given test set are never trained on.
        refit=images.cv[0][0] if isinstance(images.cv, list) and options.train else True,
        **reading(options),
    )


def write_results(
    options: argparse.Namespace,
    images: Images,
    comparison: StrategyComparison,
    extractor: ConvFeatureExtractor,
) -> None:
    """Write the report and the model that options name, and say where."""
    if not (options.report or options.out):
        return
    n_fitted = None
    if options.train is not None and isinstance(images.cv, list):
        n_fitted = len(np.intersect1d(images.cv[0][0], comparison.kept_))
    card = card_of_study(
        comparison,
        images.y,
        name=images.name,
        left_out=images.left_out,
        groups_given=images.groups is not None,
        n_fitted=n_fitted,
    )
    if options.report:
        page = write_report(
            options.report,
            comparison,
            images.X,
            images.y,
            title=f"{images.name}: which transfer learning?",
            extractor=extractor,
            left_out=images.left_out,
            card=card,
        )
        print(f"Wrote {page} and its pictures.")
    if options.out:
        sureness = Sureness.of(comparison).to_dict()
        names = comparison.target_names_
        save_model(comparison.best_estimator_, options.out, names, sureness, card)
        size = options.out.stat().st_size / 1e3
        print(
            f"Wrote {options.out} ({size:.0f} kB): {comparison.best_strategy_}, fitted on "
            f"{on_what(options, images, len(comparison.kept_))}."
        )


def on_what(options: argparse.Namespace, images: Images, n_kept: int) -> str:
    """Return in words which images the model was fitted on."""
    if options.train is None or not isinstance(images.cv, list):
        return f"all {n_kept} images"
    return f"the {len(images.cv[0][0])} images of {options.train}"


def check_folders(options: argparse.Namespace) -> None:
    """Raise a ValueError if a folder and a table are mixed, or options do not belong to them."""
    if options.train is not None and is_table(options.train) != is_table(options.test):
        raise ValueError(
            f"--train {options.train} and --test {options.test} must be two folders or two tables."
        )
    first = options.folder or options.train
    if first is None or not is_table(first):
        check_no_table_options(options, first or "the built-in set of photographs")


def check_targets(options: argparse.Namespace) -> None:
    """Raise before the work what writing would raise after it."""
    if options.report:
        require_matplotlib()
    if options.out:
        check_writable(
            options.out, others=[*filter(None, (options.folder, options.train, options.test))]
        )


def check_groups(options: argparse.Namespace) -> None:
    """Raise a ValueError if groups are named in two ways, or there are no folds to keep them in."""
    names = [
        f"--{name.replace('_', '-')}"
        for name in ("group", "group_pattern", "group_seconds")
        if getattr(options, name) is not None
    ]
    if len(names) > 1:
        raise ValueError(f"{' and '.join(names)} exclude each other: leave one out.")
    if names and (options.train is not None or options.folder is None):
        raise ValueError(f"{names[0]} makes folds, and there are none to make here. Leave it out.")


def announce(options: argparse.Namespace, images: Images) -> None:
    """Say what will be compared and, if layers will be trained, about how long that takes."""
    print(f"Strategies: {', '.join(options.strategies)}", flush=True)
    if set(options.strategies) <= set(QUICK_STRATEGIES):
        return
    seconds = expected_seconds(
        images.X,
        images.y,
        task=images.task,
        strategies=options.strategies,
        cv=images.cv,
        train_sizes=options.train_sizes,
        **{name: value for name, value in reading(options).items() if name != "cache"},
    )
    for name, expected in seconds.items():
        print(f"Expected for {name}: about {in_words(expected)}")
    sys.stdout.flush()


def in_words(seconds: float) -> str:
    """Return a duration in the largest unit of which it has two.

    Examples
    --------
    >>> in_words(90), in_words(150), in_words(9000)
    ('90 seconds', '2 minutes', '2.5 hours')
    """
    if seconds < 120:
        whole = max(1, round(seconds))
        return f"{whole} second" if whole == 1 else f"{whole} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def print_results(comparison: StrategyComparison) -> None:
    """Print which strategy to take, and how sure that is."""
    if len(set(comparison.results_["train_size"])) > 1:
        score = comparison.score_name_
        print(
            f"\n{score[0].upper()}{score[1:]} on the test images, mean ± standard deviation over "
            f"{len(comparison.splits_)} training sets:\n\n{table(comparison)}"
        )
    print(f"\n{in_report(comparison.summary())}\n")


def table(comparison: StrategyComparison) -> str:
    """Lay out the scores as text: one row per training size, one column per strategy."""
    names, classes = comparison.strategies_, comparison.classes_
    per_class = [] if classes is None else ["each class has"]
    lines = [("training images", *per_class, *names)]
    for size in sorted(set(comparison.results_["train_size"].tolist())):
        scores = [comparison.scores(name, size) for name in names]
        per_class = [] if classes is None else [f"{size / len(classes):.3g}"]
        cells = [f"{s.mean():.3f} ± {s.std():.3f}" for s in scores]
        lines.append((str(size), *per_class, *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def print_next(options: argparse.Namespace, task: str) -> None:
    """Say what to type next."""
    folder = "FOLDER" if options.folder is None else shlex.quote(options.folder)
    if options.train is not None:
        folder = f"--train {shlex.quote(options.train)} --test {shlex.quote(options.test)}"
    for name, value in table_options(options).items():
        if value is not None:
            values = [value] if isinstance(value, str) else value
            folder += f" {shlex.join(['--' + name.replace('_', '-'), *values])}"
    model = "MODEL.sktl" if options.out is None else shlex.quote(str(options.out))
    if set(options.strategies) == set(QUICK_STRATEGIES):
        print(f"To compare fine-tuning as well: sklearn-tl study {folder} --fine-tune")
    if options.out is None:
        print(f"To write the best model: sklearn-tl study {folder} --out {model}")
    to_do = "To classify images" if task == "classification" else "To predict from new images"
    print(f"{to_do}: sklearn-tl predict {model} IMAGE ...")
