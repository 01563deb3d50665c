import html.parser
import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers.inspection import labelled
from helpers.pictures import save_all, study
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline

from sklearn_tl import compare_strategies
from sklearn_tl.cli import main
from sklearn_tl.cli.demo import load_photographs
from sklearn_tl.cli.report import COLUMNS, predicted_against_actual, write_report
from sklearn_tl.datasets import load_photo_patches
from sklearn_tl.images import as_images

pytest.importorskip("matplotlib")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
LINEAR = ["--strategies", "raw pixels", "embeddings"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of three classes with ten photographs each."""
    folder = tmp_path_factory.mktemp("photos & <more>")
    photos = load_photo_patches()
    for label in range(3):
        of_class = folder / f"class {label}"
        of_class.mkdir()
        save_all(photos.images[photos.target == label][:10], of_class, "jpg")
    return folder


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    report = tmp_path_factory.mktemp("out") / "new" / "report"
    options = ["--cv", "2", "--train-sizes", "6"]
    assert main(["study", str(folder), "--report", str(report), *LINEAR, *options]) == 0
    return report / "report.html"


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.in_heading, self.sources, self.headings = False, [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.sources += [attributes[a] for a in ("src", "href") if attributes.get(a)]
        self.in_heading = tag == "h2"

    def handle_data(self, data):
        if self.in_heading:
            self.headings.append(data)
            self.in_heading = False


def test_the_page_needs_no_other_file_and_has_all_pictures(page):
    names = {"strategies", "curves", "embeddings", "unsure", "wrong"}
    assert {p.name for p in page.parent.iterdir()} == {f"{n}.png" for n in names} | {"report.html"}
    for name in names:
        with Image.open(page.parent / f"{name}.png") as picture:
            assert min(picture.size) > 150
            assert len(np.unique(np.asarray(picture))) > 10
    text = page.read_text()
    parsed = Page()
    parsed.feed(text)
    assert text.count("data:image/png;base64,") == len(names)
    # Nothing is fetched: links may lead elsewhere, but no script, style or picture does.
    assert not re.search(r"<(script|img|link|iframe)[^>]+(src|href)=[\"']?(https?:|//)", text)
    assert "photos &amp; &lt;more&gt;" in text
    for words in (
        "Take &#x27;embeddings&#x27;",
        "accuracy (mean)",
        "ConvFeatureExtractor",
        "seconds per fit",
    ):
        assert words in text
    assert parsed.headings == [
        "Which strategy to take",
        "Scores and cost",
        "Scores by the number of training images",
        "Map of the embeddings",
        "The most confident errors, each predicted by a model that was trained on the other folds",
        "The least confident predictions, each predicted by a model that was trained on the other "
        "folds",
        "All figures",
        "The best strategy: embeddings",
    ]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_the_page(page, tmp_path):
    picture = tmp_path / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--no-first-run", "--disable-component-update", "--disable-sync", "--disable-quic"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1100,2400"]
    subprocess.run(
        [CHROMIUM, *flags, f"--screenshot={picture}", page.as_uri()],
        check=True,
        timeout=120,
        capture_output=True,
    )
    with Image.open(picture) as screenshot:
        assert screenshot.size == (1100, 2400)
        assert len(np.unique(np.asarray(screenshot.convert("L")))) > 50
    dump = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", page.as_uri()],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert "All figures" in dump.stdout


def test_an_unreadable_image_is_left_out_and_listed_or_no_report_is_begun(folder, tmp_path, capsys):
    broken = tmp_path / "photos"
    shutil.copytree(folder, broken)
    (broken / "class 1" / "3.jpg").write_bytes(b"no image")
    report = tmp_path / "report"
    arguments = ["study", str(broken), "--report", str(report), *LINEAR, "--cv", "2"]
    assert main([*arguments, "--errors", "raise"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"error: {broken}/class 1/3.jpg is not an image" in line
    assert "--errors skip" in line
    assert not report.exists()
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "Left out: " in out
    assert "29 images" in out
    text = (report / "report.html").read_text()
    assert "Left out: 1</h2>" in text
    assert "class 1/3.jpg" in text


def test_a_report_that_cannot_be_written_is_an_error_before_the_study(
    folder, tmp_path, capsys, network_images
):
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "report")
    assert main(["study", str(folder), "--report", target, *LINEAR]) == 1
    assert f"--report {target} cannot be made" in capsys.readouterr().err
    assert network_images == []


def test_the_report_reads_images_as_the_study_does(tmp_path, capsys):
    for name, level in (("dark", 500), ("light", 3500)):
        (tmp_path / "deep" / name).mkdir(parents=True)
        for i in range(4):
            levels = np.full((40, 40), level + 100 * i, dtype=np.int32)
            Image.fromarray(levels).save(tmp_path / "deep" / name / f"{i}.tif")
    options = ["--value-range", "0", "4095", "--image-size", "32", "--cv", "2", "--strategies"]
    report = tmp_path / "report"
    assert (
        main(["study", str(tmp_path / "deep"), "--report", str(report), *options, "embeddings"])
        == 0
    )
    assert (report / "unsure.png").exists()


def test_folds_that_do_not_cover_the_images_give_no_pictures_of_predictions(
    tmp_path, capsys, monkeypatch
):
    def load_some(n_draws, seed):
        images, labels, _ = load_photographs(n_draws, seed)
        train, test = np.arange(0, 28, 2), np.arange(1, 28, 4)
        return images[::18], labels[::18], [(train, test), (train + 1, test - 1)]

    monkeypatch.setattr("sklearn_tl.cli.study.load_photographs", load_some)
    options = ["--image-size", "32", "--cv", "2", "--strategies", "embeddings"]
    assert main(["study", "--report", str(tmp_path), *options]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"strategies.png", "embeddings.png", "report.html"}


def test_names_of_any_bytes_are_in_the_report(tmp_path):
    comparison = SimpleNamespace(
        summary=lambda: "\udcff <b>",
        results_={name: np.array(["\udcff"], dtype=object) for name in COLUMNS},
        score_name_="\udcff",
        mean_absolute_errors_={},
        best_strategy_="embeddings",
        best_estimator_=LogisticRegression(),
    )
    none = dict.fromkeys(("X", "y", "extractor"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn_tl.cli.report._pictures", lambda *_: [])
        page = write_report(tmp_path, comparison, **none, title="\udcff", left_out=["\udcff"])
    assert page.read_text().count("\\udcff") == 5 + len(COLUMNS)
    assert "<b>" not in page.read_text().split("<pre>")[1].split("</pre>")[0]


class Pixels(TransformerMixin, BaseEstimator):
    """Stands for an extractor that reads images and returns rows."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X).reshape(len(X), -1) / 255

    def read_images(self, X):
        return as_images(X)

    def __sklearn_is_fitted__(self):
        return True


def headings_of(page):
    parsed = Page()
    parsed.feed(page.read_text())
    return [heading.split(", each predicted")[0] for heading in parsed.headings]


def names_of(folder):
    return {path.stem for path in folder.glob("*.png")}


def test_the_report_of_a_regression(tmp_path):
    X, _ = study(2, 24)
    y = pd.DataFrame({"light": X.mean(axis=(1, 2, 3)), "red": X[..., 0].mean(axis=(1, 2)) / 7})
    strategies = {"ridge": make_pipeline(Pixels(), Ridge()), "mean": DummyRegressor()}
    comparison = compare_strategies(X, y, strategies=strategies, cv=2, random_state=0)
    page = write_report(tmp_path, comparison, X, y, title="t", extractor=Pixels())
    assert headings_of(page) == [
        "Which strategy to take",
        "Scores and cost",
        "Map of the embeddings",
        "Predicted against actual values",
        "The largest errors",
        "Mean absolute errors",
        "All figures",
        "The best strategy: ridge",
    ]
    assert names_of(tmp_path) == {"strategies", "embeddings", "predicted", "wrong"}
    text = page.read_text()
    assert "<th>R² (mean)</th>" in text
    assert "<th>strategy</th><th>light</th><th>red</th>" in text
    errors = comparison.mean_absolute_errors_["ridge"]
    assert f"<td>ridge</td><td>{errors[0]:,.4g}</td><td>{errors[1]:,.4g}</td>" in text
    assert "<td>(always the mean of the training images)</td>" in text


def test_predicted_values_are_drawn_against_actual_ones():
    y = np.arange(40.0).reshape(8, 5)
    figure = predicted_against_actual(y, y + 1, [f"number {j}" for j in range(5)])
    assert [axes.get_title() for axes in figure.axes] == [f"number {j}" for j in range(4)]
    drawn = figure.axes[3].collections[0].get_offsets()
    np.testing.assert_array_equal(drawn, np.column_stack([y[:, 3] + 1, y[:, 3]]))
    assert len(predicted_against_actual(y[:, 0], y[:, 0], ["a"]).axes) == 1


def test_the_report_of_several_labels(tmp_path):
    X, y = labelled()
    model = make_pipeline(Pixels(), MultiOutputClassifier(LogisticRegression(max_iter=5000)))
    comparison = compare_strategies(X, y, strategies={"linear": model}, cv=2, random_state=0)
    page = write_report(tmp_path, comparison, X, y, title="t", extractor=Pixels())
    assert headings_of(page) == [
        "Which strategy to take",
        "Scores and cost",
        "Map of the embeddings",
        "Average precision of each label",
        "The most confident errors (+ wrongly added, − missed)",
        "The least confident predictions",
        "All figures",
        "The best strategy: linear",
    ]
    assert names_of(tmp_path) == {"strategies", "embeddings", "labels", "wrong", "unsure"}
