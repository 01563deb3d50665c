"""The command `sklearn-tl study`: a page that needs nothing else, and clear words on bad images."""

import html.parser
import re
import shutil
import subprocess

import numpy as np
import pytest
from helpers.pictures import save_all
from PIL import Image

from sklearn_tl.cli.commands import main
from sklearn_tl.datasets import load_photo_patches

pytest.importorskip("matplotlib")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
LINEAR = ["--strategies", "raw pixels", "embeddings"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of three classes with ten photographs each."""
    folder = tmp_path_factory.mktemp("photos & <more>")
    photos = load_photo_patches()
    for label in range(3):
        own = folder / f"class {label}"
        own.mkdir()
        save_all(photos.images[photos.target == label][:10], own, "jpg")
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
        self.open, self.sources, self.headings = [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.sources += [attributes[a] for a in ("src", "href") if attributes.get(a)]
        self.open.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data.strip())


def test_the_page_and_its_pictures(page):
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
        "mean score",
        "ConvFeatureExtractor",
        "Scores and",
    ):
        assert words in text


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_in_a_browser(page, tmp_path):
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


def test_an_unreadable_image_ends_it_at_once_or_is_left_out(folder, tmp_path, capsys):
    broken = tmp_path / "photos"
    shutil.copytree(folder, broken)
    (broken / "class 1" / "3.jpg").write_bytes(b"no image")
    report = tmp_path / "report"
    arguments = ["study", str(broken), "--report", str(report), *LINEAR, "--cv", "2"]
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "image 13 of 30" in line
    assert "class 1/3.jpg" in line
    assert "--errors skip" in line
    assert not report.exists()
    assert main([*arguments, "--errors", "skip"]) == 0
    out = capsys.readouterr().out
    assert "Left out: " in out
    assert "29 images" in out
    text = (report / "report.html").read_text()
    assert "Left out: 1 images" in text
    assert "class 1/3.jpg" in text


def test_a_report_where_none_can_be(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "report")
    assert main(["study", str(folder), "--report", target, *LINEAR]) == 1
    assert f"--report {target} cannot be made" in capsys.readouterr().err
