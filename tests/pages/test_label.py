"""The page for labels: its requests, two tabs, a full disk, and what a person does in a browser."""

import csv
import http.client
import json
import shutil
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.disks import full_after
from PIL import Image

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.annotation import LabellingSession

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("starlette")

from sklearn_tl import pages  # noqa: E402
from sklearn_tl.cli.label import label as label_command  # noqa: E402
from sklearn_tl.pages.label import label_app  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
COLOURS = {"red": (200, 30, 30), "blue": (30, 40, 200)}


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        name = list(COLOURS)[i % 2]
        pixels = rng.normal(COLOURS[name], 25, (48, 64, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02} {name}.png")
    return tmp_path


@pytest.fixture
def session(photos, tiny):
    extractor = ConvFeatureExtractor(tiny, image_size=24)
    with LabellingSession(photos, ["red", "blue"], extractor=extractor) as session:
        assert session.embedder.wait(60)
        yield session


@contextmanager
def served(session):
    """Run the page in a thread, and yield its port."""
    app = label_app(session, token="secret")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def ask(session):
    """Return a function that sends a request and returns the status and what came back."""
    with served(session) as port:

        def request(path, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            method = "GET" if body is None else "POST"
            connection.request(
                method, f"/secret/{path}", None if body is None else json.dumps(body)
            )
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            is_json = answer.headers["content-type"].startswith("application/json")
            return answer.status, json.loads(content) if is_json else content

        yield request


def rows_of(session):
    return list(csv.reader(session.path.read_text(encoding="utf-8-sig").splitlines()))[1:]


def test_a_label_is_saved_and_the_next_images_come_with_the_answer(ask, session):
    status, state = ask("api/state", {"shown": []})
    assert status == 200
    assert [c["name"] for c in state["classes"]] == ["red", "blue"]
    assert (state["n_images"], state["n_labelled"], state["n_embedded"]) == (40, 0, 40)
    first, second, third = (entry["image"] for entry in state["next"])
    status, state = ask("api/label", {"images": [first], "label": "red", "shown": [second, third]})
    assert status == 200
    assert rows_of(session) == [[session.names[first], "red"]]
    assert len(state["next"]) == 1
    assert state["next"][0]["image"] not in (first, second, third)
    assert state["classes"][0]["n"] == state["n_labelled"] == 1


def test_undo_and_skip(ask, session):
    ask("api/label", {"images": [3, 4], "label": "blue"})
    _, state = ask("api/skip", {"image": 5})
    assert state["n_skipped"] == 1
    assert ask("api/undo", {})[1]["undone"] == [{"image": 5, "name": session.names[5]}]
    _, state = ask("api/undo", {})
    assert [entry["image"] for entry in state["undone"]] == [3, 4]
    assert rows_of(session) == []
    assert ask("api/undo", {})[1]["undone"] == []


def test_a_class_with_a_comma_is_quoted_and_one_with_a_line_break_is_refused(ask, session):
    assert ask("api/classes", {"name": " red, dark "})[1]["added"] == "red, dark"
    ask("api/label", {"images": [0], "label": "red, dark"})
    assert rows_of(session) == [["00 red.png", "red, dark"]]
    status, found = ask("api/classes", {"name": "red\nblue"})
    assert status == 409
    assert "line break" in found["error"]
    assert len(ask("api/state", {})[1]["classes"]) == 3


def test_two_tabs_share_what_is_labelled(ask, session):
    _, one = ask("api/state", {"shown": []})
    images = [entry["image"] for entry in one["next"]]
    ask("api/label", {"images": images[:1], "label": "red"})
    status, found = ask("api/label", {"images": images[:1], "label": "blue"})
    assert status == 409
    assert "has the label 'red' already" in found["error"]
    _, other = ask("api/state", {"shown": images})
    assert other["gone"] == images[:1]
    assert rows_of(session) == [[session.names[images[0]], "red"]]


def test_a_full_disk_is_said_on_the_page_and_saved_later(ask, session):
    with full_after(10):
        status, state = ask("api/label", {"images": [0], "label": "red"})
        assert status == 200
        assert "cannot be written" in state["problems"][0]
        assert state["n_labelled"] == 1
    assert ask("api/state", {})[1]["problems"] == []
    assert rows_of(session) == [["00 red.png", "red"]]


def test_pictures_are_jpeg_and_small_if_asked_for(ask, photos):
    status, content = ask("api/images/0")
    assert status == 200
    assert content[:2] == b"\xff\xd8"
    assert len(ask("api/images/0?size=small")[1]) <= len(content)
    (photos / "00 red.png").write_bytes(b"no image")
    status, found = ask("api/images/0")
    assert status == 415
    assert "00 red.png is not an image" in found["error"]


def test_an_image_that_cannot_be_shown_is_not_asked_about_and_gets_no_label(ask, session):
    image = ask("api/state", {})[1]["next"][0]["image"]
    ask("api/skip", {"image": image})
    Path(session.paths[image]).write_bytes(b"no image")
    assert ask(f"api/images/{image}")[0] == 415
    status, found = ask("api/label", {"images": [image], "label": "red"})
    assert status == 409
    assert "is not an image" in found["error"]
    _, state = ask("api/state", {"shown": [image]})
    assert state["gone"] == [image]
    assert (state["n_unreadable"], state["n_skipped"], state["n_labelled"]) == (1, 0, 0)
    assert state["n_embedded"] == 40
    assert image not in session.ask(40)


def test_similar_images(ask, session):
    chosen = next(i for i in range(40) if not session.is_random(i))
    assert len(ask(f"api/images/{chosen}/similar")[1]["images"]) > 10
    random = next(i for i in range(40) if session.is_random(i))
    found = ask(f"api/images/{random}/similar")[1]
    assert found["images"] == []
    assert "drawn at random" in found["reason"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("api/label", {"images": [99], "label": "red"}),
        ("api/label", {"images": ["0"], "label": "red"}),
        ("api/label", {"images": [True], "label": "red"}),
        ("api/label", {"images": [], "label": "red"}),
        ("api/label", {"label": "red"}),
        ("api/skip", {}),
        ("api/images/99", None),
    ],
)
def test_positions_that_do_not_exist_are_refused(ask, session, path, body):
    status, found = ask(path, body)
    assert status == 400
    assert found["error"]
    assert not session.answers.labels


def test_200_classes(ask, session):
    session.answers.classes += [f"class {i}" for i in range(200)]
    assert len(ask("api/state", {})[1]["classes"]) == 202
    _, state = ask("api/label", {"images": [0], "label": "class 150"})
    assert state["classes"][152] == {"name": "class 150", "n": 1}


@pytest.fixture
def options(photos):
    return SimpleNamespace(
        folder=photos,
        classes=["red"],
        out=None,
        port=None,
        no_browser=True,
        backbone="efficientnet_lite0",
    )


def test_the_command_opens_the_page_and_says_how_to_go_on(options, monkeypatch, capsys):
    def serve(app, port, open_browser):
        assert app == "page"
        assert not open_browser
        sessions[0].label([0], "red")

    sessions = []
    monkeypatch.setattr(pages, "serve", serve)
    monkeypatch.setattr(
        pages, "label_app", lambda session: sessions.append(session) or "page", raising=False
    )
    options.cache = None
    monkeypatch.setattr(LabellingSession, "__enter__", lambda self: self)  # embeds nothing
    assert label_command(options) == 0
    out = capsys.readouterr().out
    assert "40 images, 0 of them with a label." in out
    assert f"1 labels are in {options.folder / 'labels.csv'}" in out
    assert "sklearn-tl study" in out
    extractor = sessions[0].embedder.extractor
    assert extractor.backbone == "efficientnet_lite0"
    assert extractor.cache == options.folder / ".labels-rows.sqlite"


def test_a_network_that_does_not_exist_is_an_error_before_the_page_opens(options):
    options.cache, options.backbone = "memory", "resnet81"
    with pytest.raises(ValueError, match="resnet81"):
        label_command(options)
    assert not list(options.folder.glob("*labels*"))


def test_answers_that_could_not_be_saved_are_printed(options, monkeypatch, capsys):
    def full_disk(rows):
        raise OSError(28, "No space left on device")

    def serve_on_a_full_disk(app, port, open_browser):
        sessions[0].answers.table.write = full_disk
        sessions[0].label([0], "red, dark")

    sessions = []
    monkeypatch.setattr(pages, "serve", serve_on_a_full_disk)
    monkeypatch.setattr(
        pages, "label_app", lambda session: sessions.append(session) or "page", raising=False
    )
    options.cache = "memory"
    monkeypatch.setattr(LabellingSession, "__enter__", lambda self: self)
    assert label_command(options) == 1
    out = capsys.readouterr().out
    assert "could not be written" in out
    assert '00 red.png,"red, dark"' in out


@pytest.fixture
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def wait_until_shown(tab):
    # The width is known before the last bytes are there, without which a key is refused.
    tab.wait_for_function(
        "() => { const img = document.querySelector('#stage img');"
        " return img && img.complete && img.naturalWidth > 0; }"
    )


def test_a_person_labels_with_keys(browser, session):
    def labelled(n):
        tab.wait_for_function(
            "n => document.getElementById('labelled').textContent === n", arg=str(n)
        )

    with served(session) as port:
        tab = browser.new_page(viewport={"width": 1200, "height": 800})
        problems = []
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(f"http://127.0.0.1:{port}/secret/")
        tab.wait_for_selector("#stage img")
        for n in range(1, 4):  # one key per class
            wait_until_shown(tab)
            name = tab.text_content("#name")
            tab.keyboard.press("1" if "red" in name else "2")
            labelled(n)
            assert rows_of(session)[-1] == [name, name.split()[1].removesuffix(".png")]
        tab.keyboard.press("Backspace")  # undo
        labelled(2)
        assert tab.text_content("#name") == name
        tab.keyboard.press("0")  # skip
        tab.wait_for_function("() => document.getElementById('of').textContent.includes('1 skip')")
        tab.keyboard.press("/")  # a class that is typed
        tab.keyboard.type("violet, dark")
        tab.keyboard.press("Enter")
        tab.wait_for_function("() => document.querySelectorAll('#classes kbd').length === 3")
        wait_until_shown(tab)
        tab.keyboard.press("3")
        labelled(3)
        assert rows_of(session)[-1][1] == "violet, dark"
        tab.keyboard.press("/")  # a class that is found by a part of its name
        tab.keyboard.type("blu")
        wait_until_shown(tab)
        tab.keyboard.press("Enter")
        labelled(4)
        assert rows_of(session)[-1][1] == "blue"
        while session.is_random(session.names.index(tab.text_content("#name"))):
            tab.keyboard.press("0")
            tab.wait_for_timeout(200)
        tab.keyboard.press(".")  # similar images, which get one label together
        tab.wait_for_selector("#grid[open] #cells button")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press(" ")
        selected = "[...document.querySelectorAll('#cells [aria-pressed=\"true\"] img')]"
        tab.wait_for_function(f"() => {selected}.every((i) => i.complete && i.naturalWidth > 0)")
        tab.keyboard.press("1")
        labelled(6)
        assert [label for _, label in rows_of(session)[-2:]] == ["red", "red"]
        tab.set_viewport_size({"width": 360, "height": 740})
        assert tab.evaluate("document.documentElement.scrollWidth") == 360
        assert problems == []


def test_a_person_sees_what_went_wrong(browser, session):
    with served(session) as port:
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{port}/secret/")
        wait_until_shown(tab)
        image = session.names.index(tab.text_content("#name"))
        session.label([image], "blue")  # in another tab
        tab.keyboard.press("1")
        tab.wait_for_function("() => said.textContent.includes('already')")
        assert tab.text_content("#name") != session.names[image]
        tab.keyboard.press("9")
        assert "The key 9 has no class" in tab.text_content("#said")
        wait_until_shown(tab)
        session.answers.unsaved = "The disk is full."
        session.answers.table.write = lambda rows: (_ for _ in ()).throw(
            OSError(28, "No space left")
        )
        tab.keyboard.press("1")
        tab.wait_for_selector("#problems:not([hidden])")
        assert "No space left" in tab.text_content("#problems")
        del session.answers.table.write
        tab.wait_for_selector("#problems", state="hidden")
        assert len(rows_of(session)) == 2


def test_keys_give_no_label_before_an_image_is_shown_or_if_it_cannot_be(browser, photos, tiny):
    for path in list(photos.iterdir())[3:]:
        path.unlink()
    (photos / "broken.jpg").write_text("no image")
    extractor = ConvFeatureExtractor(tiny, image_size=24)
    with LabellingSession(photos, ["red"], extractor=extractor) as session, served(session) as port:
        tab = browser.new_page()
        late, is_late = [], True
        tab.route(  # no picture arrives yet
            "**/api/images/*",
            lambda route: late.append(route) if is_late else route.continue_(),
        )
        tab.goto(f"http://127.0.0.1:{port}/secret/")
        tab.wait_for_selector("#classes kbd")
        tab.keyboard.press("1")
        assert "not shown get no label" in tab.text_content("#said")
        is_late = False
        for route in late:
            route.continue_()
        for n in range(1, 4):
            wait_until_shown(tab)
            tab.keyboard.press("1")
            tab.wait_for_function(f"() => document.getElementById('labelled').textContent == {n}")
        tab.wait_for_function("() => stage.textContent.includes('All images that can be read')")
        assert tab.text_content("#words") == ""
        tab.keyboard.press("1")
        assert "No image is waiting for a label" in tab.text_content("#said")
        assert {label for _, label in rows_of(session)} == {"red"}
        assert "broken.jpg" not in dict(rows_of(session))
