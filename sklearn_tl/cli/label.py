"""The command `sklearn-tl label`: a page in the browser on which images get labels."""

import argparse
import csv
import shlex
import sys
from pathlib import Path

from sklearn_tl.annotation import LabellingSession
from sklearn_tl.extractor import ConvFeatureExtractor


def label(options: argparse.Namespace) -> int:
    """Show the page on which the images of a folder are labelled, until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        `folder`; `classes`, a list of names; `out`, the CSV file, or None for labels.csv in the
        folder; `port`, an integer or None for a free port; `no_browser`, whether to leave the
        browser closed; `backbone`, the name of a network; and `cache`, the file in which rows are
        kept, or None for a hidden file beside the CSV file.

    Returns
    -------
    status : int
        0, or 1 if answers could not be saved.

    Raises
    ------
    ValueError
        If the folder has no images, a class has a name that cannot be used, the file cannot be
        written, another process labels into it, the port is taken, or there is no such network.
    ImportError
        If the libraries of the page are not installed.
    """
    from sklearn_tl.pages import label_app, serve

    out = Path(options.folder, "labels.csv") if options.out is None else Path(options.out)
    cache = out.with_name(f".{out.stem}-rows.sqlite") if options.cache is None else options.cache
    extractor = ConvFeatureExtractor(options.backbone, cache=cache)
    extractor.fit([str(options.folder)])  # no image is read, but a network that is missing is seen
    with LabellingSession(
        options.folder, options.classes or (), out=out, extractor=extractor
    ) as session:
        for remark in session.remarks:
            print(remark)
        print(f"{len(session.paths)} images, {len(session.answers.labels)} of them with a label.")
        serve(label_app(session), options.port, not options.no_browser)
    if session.answers.unsaved is not None:
        _print_all(session)
        return 1
    study = shlex.join(["sklearn-tl", "study", str(out), "--task", "classification"])
    print(f"{len(session.answers.labels)} labels are in {out}. To train and test models: {study}")
    return 0


def _print_all(session: LabellingSession) -> None:
    """Print all answers, because the file lacks some of them."""
    print(f"{session.path} could not be written, and lacks the last answers. All answers are:")
    rows = csv.writer(sys.stdout)
    rows.writerow(["path", "label"])
    rows.writerows(session.answers.rows())
