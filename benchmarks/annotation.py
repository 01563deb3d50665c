"""Claim: with the page of `sklearn-tl label`, few answers teach more than random ones.

Photographs of 12 species of flowers (`--data`/flowers) whose labels and names are hidden. A script
answers as a person would, and sees the next images as the page does, two of them in advance. The
tables show

- the accuracy on the folder "test" of a logistic regression on all labels so far, against the
  number of answers, also in random order (mean over `--starts` starts);
- the estimate of the session beside the accuracy of its model on the folder "test", and on the rest
  of the random part, which nobody has labelled; how often the interval holds these; and the answer
  at which the session says that one can stop;
- the seconds per answer: in the session, through Chromium, and while `--many` images are embedded.
"""

import argparse
import contextlib
import socket
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
from _report import machine, print_table, write_json
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.annotation import LabellingSession
from sklearn_tl.datasets import load_folder

SIZES = (25, 50, 100, 150, 200)
AHEAD = 3  # images that the page has
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


def hide(paths, folder):
    """Link images into a folder, in random order and without their names."""
    order = np.random.default_rng(0).permutation(len(paths))
    for number, i in enumerate(order):
        (folder / f"{number:05}.jpg").symlink_to(Path(paths[i]).resolve())
    return order


def rows_of(paths, cache):
    return ConvFeatureExtractor(normalization="l2", cache=cache).fit(paths).transform(paths)


def accuracy(rows, labels, test_rows, test_labels):
    if len(np.unique(labels)) < 2:
        return float(np.mean(test_labels == labels[0]))
    with threadpool_limits(1):
        model = LogisticRegression(C=100, max_iter=300, tol=1e-3).fit(rows, labels)
    return float(model.score(test_rows, test_labels))


def begin(folder, cache, seed):
    out = Path(tempfile.mkdtemp(), "labels.csv")
    extractor = ConvFeatureExtractor(normalization="l2", cache=cache)
    return LabellingSession(folder, out=out, extractor=extractor, random_state=seed)


def answer_as_the_page(session, truth, n):
    """Give `n` right answers. Yields the number of answers, and the seconds of each of them."""
    queue = session.ask(AHEAD)
    for number in range(1, n + 1):
        image, *queue = queue
        start = time.perf_counter()
        session.label([image], truth[image])
        queue += session.ask(AHEAD - len(queue), queue)
        yield number, time.perf_counter() - start


def with_session(folder, cache, rows, truth, test, seed):
    """Return the accuracies, the estimate and the truth after each answer, and seconds.

    The truth is the accuracy on the test images, and on the rest of the random part.
    """
    test_rows, test_labels = test
    scores, running, seconds = [], [], []
    with begin(folder, cache, seed) as session:
        session.embedder.wait()
        for number, time_taken in answer_as_the_page(session, truth, max(SIZES)):
            seconds.append(time_taken)
            rest = [i for i in range(len(truth)) if session.is_random(i)]
            rest = [i for i in rest if i not in session.answers.labels]
            running.append(
                (
                    session.estimate(),
                    hits(session.predict(test_rows), test_labels),
                    hits(session.predict(rows[rest]), truth[rest]),
                )
            )
            if number in SIZES:
                images = list(session.answers.labels)
                scores.append(accuracy(rows[images], truth[images], test_rows, test_labels))
    return scores, running, seconds


def hits(predicted, labels):
    return 0.0 if predicted is None else float(np.mean(np.array(predicted) == labels))


def at_random(rows, truth, test, seed):
    order = np.random.default_rng(seed).permutation(len(truth))
    return [accuracy(rows[order[:n]], truth[order[:n]], *test) for n in SIZES]


@contextlib.contextmanager
def page(session):
    """Serve the page of a session and yield its address."""
    import uvicorn

    from sklearn_tl.pages import label_app

    app = label_app(session)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/{app.state.token}/"
    finally:
        server.should_exit = True
        thread.join()


def in_browser(session, truth, names, n, chromium):
    """Give `n` answers by keys in Chromium. Returns the seconds from a key to the next image.

    Also returns the seconds from a key until the page says that the answer was taken.
    """
    from playwright.sync_api import sync_playwright

    shown, taken, keys = [], [], "123456789abcdefghijklmnopqrstuvwxyz"
    next_image = "name => document.getElementById('name').textContent !== name"
    next_image += " && document.querySelector('#stage img')?.complete"
    counted = "n => document.getElementById('labelled').textContent === String(n)"
    with page(session) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        tab = browser.new_page()
        tab.goto(address)
        tab.wait_for_selector("#classes button")
        for number in range(n):
            tab.wait_for_selector("#stage img")
            name = tab.text_content("#name")
            label = truth[session.names.index(name)]
            start = time.perf_counter()
            tab.keyboard.press(keys[names.index(label)])
            tab.wait_for_function(next_image, arg=name)
            shown.append(time.perf_counter() - start)
            tab.wait_for_function(counted, arg=number + 1)
            taken.append(time.perf_counter() - start)
        browser.close()
    return shown, taken


def make_many(paths, n, folder):
    """Write `n` files that all differ: the images, cut at the edges and made lighter or darker."""
    rng = np.random.default_rng(0)
    for i in range(n):
        (left, top), gain = rng.integers(0, 20, 2), rng.uniform(0.8, 1.2)
        with Image.open(paths[i % len(paths)]) as image:
            width, height = image.size
            cut = image.convert("RGB").crop((left, top, width - 20 + left, height - 20 + top))
        lighter = cut.point([min(int(level * gain), 255) for level in range(256)] * 3)
        lighter.save(folder / f"{i:05}.jpg", quality=90)


def while_embedding(paths, labels, n, pause):
    """Label while images are embedded. Returns seconds per answer then, and images per second."""
    with tempfile.TemporaryDirectory() as folder:
        make_many(paths, n, Path(folder))
        truth = np.array([labels[i % len(paths)] for i in range(n)])
        start, seconds = time.perf_counter(), []
        with begin(folder, Path(folder, ".rows.sqlite"), 0) as session:
            first = session.ask()
            before_first = time.perf_counter() - start
            while not session.embedder.n_done:
                time.sleep(0.1)
            for _, time_taken in answer_as_the_page(session, truth, 60):
                seconds.append(time_taken)
                time.sleep(pause)
            rate = session.embedder.n_done / (time.perf_counter() - start)
            assert first
            assert session.embedder.n_done < n, "All images were embedded before the last answer."
    return before_first, seconds, rate


def compare(train, test, options, figures):
    """Print the accuracies and the estimates. Returns the seconds per answer of each way."""
    test = rows_of(test.paths, options.cache), test.target
    with tempfile.TemporaryDirectory() as hidden:
        order = hide(train.paths, Path(hidden))
        rows, truth = rows_of(train.paths, options.cache)[order], train.target[order]
        random = [at_random(rows, truth, test, seed) for seed in range(options.starts)]
        runs = [
            with_session(hidden, options.cache, rows, truth, test, seed)
            for seed in tqdm(range(options.starts), unit="start")
        ]
        figures |= accuracies(random, [run[0] for run in runs])
        figures |= estimates([run[1] for run in runs])
        seconds = [("in the session", np.concatenate([run[2] for run in runs]))]
        if options.chromium:
            names = np.unique(truth).tolist()
            with begin(hidden, options.cache, 0) as session:
                session.embedder.wait()
                for name in names:
                    session.add_class(name)
                shown, taken = in_browser(session, truth, names, max(SIZES), options.chromium)
                images = list(session.answers.labels)
                score = accuracy(rows[images], truth[images], *test)
            figures[f"in Chromium, accuracy after {max(SIZES)} answers"] = score
            print(f"\nIn Chromium, {max(SIZES)} answers: accuracy {score:.3f}")
            seconds.append(("in Chromium, from a key to the next image", shown))
            seconds.append(("in Chromium, from a key until it is taken", taken))
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--starts", type=int, default=10, help="0 leaves this part out")
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--chromium", metavar="FILE", help="answer in this browser, too")
    parser.add_argument("--many", type=int, default=5000, help="0 leaves this part out")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    train, test = (load_folder(options.data / "flowers" / part) for part in ("train", "test"))
    figures, seconds = {}, []
    if options.starts:
        seconds = compare(train, test, options, figures)
    if options.many:
        first, times, rate = while_embedding(train.paths, train.target, options.many, 0.5)
        seconds.append((f"while {options.many} images are embedded", times))
        print(f"\n{options.many} images: a first question after {first:.2f} s, {rate:.0f} images/s")
        figures |= {"seconds to the first question": first, "images per second": rate}
    print()
    table = [(name, np.median(t), np.quantile(t, 0.95), np.max(t)) for name, t in seconds]
    print_table(("seconds per answer", "median", "95 %", "most"), table)
    figures |= {f"seconds {name}": float(median) for name, median, *_ in table}
    print(machine())
    write_json(options.json, figures)


def accuracies(random, chosen):
    """Print the accuracy against the number of answers."""
    rows, figures = [], {}
    for name, scores in {"in random order": random, "sklearn-tl label": chosen}.items():
        mean, deviation = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, deviation, strict=True)]
        rows.append((name, *cells))
        figures[name] = dict(zip(map(str, SIZES), mean.tolist(), strict=True))
    print_table(("answers", *map(str, SIZES)), rows)
    return figures


def estimates(runs):
    """Print the estimates of the sessions beside the true accuracies of their models."""
    table, figures = [], {}
    for n in SIZES[1:]:
        known = [
            result for result in (run[n - 1] for run in runs) if result[0].accuracy is not None
        ]
        found, true, rest = zip(*known, strict=True)
        holds = [e.low <= t <= e.high for e, t in zip(found, true, strict=True)]
        of_rest = [e.low <= t <= e.high for e, t in zip(found, rest, strict=True)]
        means = [np.mean([e.accuracy for e in found]), np.mean(true), np.mean(rest)]
        width = np.mean([e.high - e.low for e in found])
        cells = [f"{value:.3f}" for value in (*means, width)]
        table.append((n, *cells, *(f"{sum(x)} of {len(x)}" for x in (holds, of_rest))))
        figures[f"the interval holds the accuracy after {n} answers"] = float(np.mean(holds))
        figures[f"the interval holds that on the rest after {n}"] = float(np.mean(of_rest))
    header = ("answers", "estimate", "test", "rest", "width", "holds test", "holds rest")
    print()
    print_table(header, table)
    stops = []
    for run in runs:
        stop = next((i for i, (e, *_) in enumerate(run) if e.can_stop), None)
        if stop is not None:
            e, true, _ = run[stop]
            stops.append((stop + 1, true, run[-1][1], e.low <= true <= e.high))
    if stops:
        at, true, last, holds = map(list, zip(*stops, strict=True))
        print(
            f"\n{len(stops)} of {len(runs)} sessions say that one can stop, after {min(at)} to "
            f"{max(at)} answers: accuracy {np.mean(true):.3f} then, {np.mean(last):.3f} after "
            f"{len(runs[0])}. The interval holds the accuracy in {sum(holds)}."
        )
        figures["answers until one can stop"] = float(np.mean(at))
    return figures


if __name__ == "__main__":
    main()
