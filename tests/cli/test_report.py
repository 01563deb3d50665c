import csv
import html.parser
import io
import re
import shutil
import subprocess
import warnings

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
from sklearn_tl.cli.report import write_report
from sklearn_tl.cli.report_classes import classes_shown
from sklearn_tl.cli.report_images import cell_limits
from sklearn_tl.cli.report_page import page as page_of, preformatted, section, without_scripts
from sklearn_tl.cli.report_pictures import predicted_against_actual, smaller
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
        self.alts, self.ids, self.figures = [], [], {}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.sources += [attributes[a] for a in ("src", "href") if attributes.get(a)]
        self.in_heading = tag == "h2"
        if tag == "img":
            self.alts.append(attributes["alt"])
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "figure":
            self.figures.setdefault(self.ids[-1], 0)
            self.figures[self.ids[-1]] += 1

    def handle_data(self, data):
        if self.in_heading:
            self.headings.append(data)
            self.in_heading = False


def test_the_page_needs_no_other_file_and_has_all_pictures(page):
    names = {"strategies", "curves", "embeddings", "unsure", "wrong", "sureness"}
    others = {"report.html", "errors.csv", "label_errors.csv", "duplicates.csv", "model_card.md"}
    others |= {"predictions.csv"}
    assert {p.name for p in page.parent.iterdir()} == {f"{n}.png" for n in names} | others
    for name in names:
        with Image.open(page.parent / f"{name}.png") as picture:
            assert min(picture.size) > 150
            assert len(np.unique(np.asarray(picture))) > 10
    text = page.read_text()
    parsed = Page()
    parsed.feed(text)
    # Nothing is fetched: links may lead elsewhere, but no script, style or picture does.
    assert not re.search(r"<(script|img|link|iframe)[^>]+(src|href)=[\"']?(https?:|//)", text)
    assert "<script" not in text
    assert "onclick" not in text
    assert "Content-Security-Policy" in text
    assert all(parsed.alts)
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
        "How sure the answers are",
        "Per class",
        "Confusion matrix",
        "All errors",
        "All predictions",
        "Labels that look wrong",
        "Copies and sequences",
        "All figures",
        "The best strategy: embeddings",
        "Model card",
    ]


def rows_of(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_cell_of_the_confusion_matrix_leads_to_its_images(page):
    parsed = Page()
    parsed.feed(page.read_text())
    links = [source[1:] for source in parsed.sources if source.startswith("#")]
    assert set(links) <= set(parsed.ids)
    assert len(set(parsed.ids)) == len(parsed.ids)
    cells = [name for name in parsed.ids if name.startswith("cell-")]
    assert sorted(cells) == sorted(name for name in links if name.startswith("cell-"))
    assert sum(parsed.figures[name] for name in cells) == 30  # each image is in one cell
    wrong = [name for name in cells if len(set(name.split("-")[1:])) == 2]
    assert sum(parsed.figures[name] for name in wrong) == len(rows_of(page.parent / "errors.csv"))


def run_chromium(profile, *arguments):
    """Return what headless Chromium prints, after a check of its console."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--no-first-run", "--disable-component-update", "--disable-sync", "--disable-quic"]
    flags += [f"--user-data-dir={profile}", "--enable-logging=stderr"]
    run = subprocess.run(
        [CHROMIUM, *flags, *arguments], check=True, timeout=120, capture_output=True, text=True
    )
    assert ":CONSOLE" not in run.stderr
    return run.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_the_page(page, tmp_path):
    picture = tmp_path / "page.png"
    size = "--window-size=1100,2400"
    run_chromium(tmp_path / "profile", size, f"--screenshot={picture}", page.as_uri())
    with Image.open(picture) as screenshot:
        assert screenshot.size == (1100, 2400)
        assert len(np.unique(np.asarray(screenshot.convert("L")))) > 50
    assert "All figures" in run_chromium(tmp_path / "profile", "--dump-dom", page.as_uri())


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_the_images_of_the_cell_that_a_link_leads_to(page, tmp_path):
    heights = []
    for n, fragment in enumerate(("", "#cell-0-0")):
        # Of a page that is printed, all is seen at once.
        pdf = tmp_path / f"{n}.pdf"
        run_chromium(tmp_path / str(n), f"--print-to-pdf={pdf}", page.as_uri() + fragment)
        heights.append(pdf.read_bytes().count(b"/Subtype /Image"))
    assert heights[1] > heights[0] > 0


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


def test_the_predictions_of_all_images_are_in_a_list(page, folder):
    rows = rows_of(page.parent / "predictions.csv")
    assert list(rows[0]) == ["path", "true", "predicted", "probability", "right", "fold"]
    assert {row["path"] for row in rows} == {str(path) for path in folder.glob("*/*")}
    wrong = [row for row in rows if row["true"] != row["predicted"]]
    assert {row["right"] for row in wrong} == {"no"}
    assert len(wrong) == sum(row["right"] == "no" for row in rows) == 4
    assert len(wrong) == len(rows_of(page.parent / "errors.csv"))
    assert [row["fold"] for row in rows].count("1") == 15


def test_folds_that_do_not_cover_the_images_give_no_pictures_of_predictions(
    tmp_path, capsys, monkeypatch
):
    def load_some(n_draws, seed):
        images, labels, _ = load_photographs(n_draws, seed)
        train, test = np.arange(0, 28, 2), np.arange(1, 28, 4)
        return images[::18], labels[::18], [(train, test), (train + 1, test - 1)]

    monkeypatch.setattr("sklearn_tl.cli.study_images.load_photographs", load_some)
    options = ["--image-size", "32", "--cv", "2", "--strategies", "embeddings"]
    assert main(["study", "--report", str(tmp_path), *options]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    expected = {"strategies.png", "embeddings.png", "report.html", "model_card.md"}
    assert names - {"duplicates.csv"} == expected | {"predictions.csv"}
    rows = rows_of(tmp_path / "predictions.csv")  # of those that were tested
    assert [int(row["index"]) for row in rows] == sorted([*range(0, 28, 4), *range(1, 28, 4)])
    assert {row["fold"] for row in rows} == {"1", "2"}
    text = (tmp_path / "report.html").read_text()
    assert text.count("Left out: The folds do not test every image once") == 3


def test_names_of_any_bytes_are_in_the_report():
    text = page_of("\udcff <b>", [section("\udcff", preformatted("\udcff <b>"))]).decode()
    assert text.count("\\udcff") == 4
    assert "<b>" not in text


def test_diagrams_have_no_scripts():
    text = '<b onclick="copy(\n1)">a</b><script>\nlet x = "<b>";\n</script><i>c</i>'
    assert without_scripts(text) == "<b>a</b><i>c</i>"


def test_photographs_are_jpeg_files_in_the_page_and_drawings_are_png_files():
    def png(array):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "PNG")
        return buffer.getvalue()

    noise = png(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    assert smaller(noise).startswith(b"\xff\xd8")
    plain = png(np.zeros((64, 64, 3), dtype=np.uint8))
    assert smaller(plain) == plain


def test_the_page_stays_small():
    assert cell_limits([3, 40], [100] * 10) == (24, 24)
    assert cell_limits([100] * 40, [100] * 10) == (18, 0)
    assert cell_limits([1] * 10, [100] * 50) == (24, 14)
    assert cell_limits([1] * 721, [5]) == (0, 24)


def test_of_many_classes_those_in_errors_are_shown():
    matrix = np.diag(np.full(31, 5))
    matrix[3, 20] = 1
    assert classes_shown(matrix) == [3, 20]
    assert classes_shown(matrix[:30, :30]) == list(range(30))
    assert len(classes_shown(np.ones((99, 99)))) == 30


class Pixels(TransformerMixin, BaseEstimator):
    """Stands for an extractor that reads images and returns rows."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.stack([*as_images(X)]).reshape(len(X), -1) / 255

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
        "Errors over the range",
        "The worst images",
        "All errors",
        "All predictions",
        "Mean absolute errors",
        "All figures",
        "The best strategy: ridge",
        "Model card",
    ]
    assert names_of(tmp_path) == {"strategies", "embeddings", "predicted", "wrong"}
    text = page.read_text()
    assert "<th>R² (mean)</th>" in text
    assert "<th>strategy</th><th>light</th><th>red</th>" in text
    errors = comparison.mean_absolute_errors_["ridge"]
    assert f"<td>ridge</td><td>{errors[0]:,.4g}</td><td>{errors[1]:,.4g}</td>" in text
    assert "<td>(always the mean of the training images)</td>" in text
    rows = rows_of(tmp_path / "errors.csv")
    assert len(rows) == 48
    assert {row["target"] for row in rows} == {"light", "red"}
    predicted = comparison.predictions_["ridge"]
    for row in rows:
        i, j = int(row["index"]), ["light", "red"].index(row["target"])
        assert float(row["predicted"]) == pytest.approx(predicted[i, j], rel=1e-4, abs=1e-6)
        assert float(row["true"]) == pytest.approx(y.iloc[i, j], rel=1e-4)
    scaled = [abs(float(r["error"])) / y[r["target"]].std(ddof=0) for r in rows]
    assert (np.diff(scaled) < 1e-6).all()


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
        "How sure the answers are",
        "Per label",
        "All errors",
        "All predictions",
        "Labels that look wrong",
        "All figures",
        "The best strategy: linear",
        "Model card",
    ]
    names = {"strategies", "embeddings", "labels", "wrong", "unsure", "sureness"}
    assert names_of(tmp_path) == names
    parsed = Page()
    parsed.feed(page.read_text())
    cells = [name for name in parsed.ids if name.startswith("label-")]
    assert sum(parsed.figures[name] for name in cells) == 2 * 24  # each image once per label
    wrong = np.argwhere(comparison.predictions_["linear"] != y.to_numpy())
    rows = rows_of(tmp_path / "errors.csv")
    assert {(int(r["index"]), r["label"]) for r in rows} == {(i, y.columns[j]) for i, j in wrong}


def test_wrong_labels_and_copies_are_listed(tmp_path):
    X, y = study(2, 40)
    X[7] = X[6]  # whose labels differ
    labels = np.array(["=cat", "dog"])[y]
    labels[11] = "=cat"
    files = save_all(X, tmp_path)
    options = {"duplicates": "drop", "cv": 4, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the copies
        comparison = compare_strategies(files, labels, strategies=["raw pixels"], **options)
    assert 7 not in comparison.kept_
    of_seen = y[comparison.kept_]  # a model that sees through the wrong labels
    comparison.probabilities_["raw pixels"] = np.eye(2)[of_seen] * 0.98 + 0.01
    comparison.predictions_["raw pixels"] = comparison.classes_[of_seen]
    page = write_report(tmp_path, comparison, files, labels, title="t", extractor=Pixels())
    (pair,) = rows_of(tmp_path / "duplicates.csv")
    assert pair["kind"] == "copy"
    assert [pair["path"], pair["other path"]] == [str(files[6]), str(files[7])]
    assert [pair["label"], pair["other label"]] == ["'=cat", "dog"]
    listed = rows_of(tmp_path / "label_errors.csv")
    assert [(r["path"], r["given"], r["suggested"]) for r in listed] == [
        (str(files[11]), "'=cat", "dog")
    ]
    assert rows_of(tmp_path / "errors.csv") == [
        {"path": str(files[11]), "true": "'=cat", "predicted": "dog", "probability": "0.99"}
    ]
    assert str(files[11]) in page.read_text()
