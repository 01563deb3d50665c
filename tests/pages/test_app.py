"""The page of a model, asked as a browser asks it: answers, corrections, a spreadsheet."""

import csv
import io
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import study
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl.comparison import RawPixels
from sklearn_tl.pages import model_app
from sklearn_tl.pages.photos import Limits


class Tab:
    """A tab of a browser that shows the page."""

    def __init__(self, client):
        self.client = client
        self.address = f"api/{client.post('api/sessions').json()['session']}"

    def drop(self, path, name=None, **query):
        query = {"name": name or Path(path).name} | query
        return self.client.post(f"{self.address}/photos", params=query, content=path.read_bytes())

    def photos(self):
        return self.client.get(f"{self.address}/photos").json()

    def of(self, photo, what):
        return f"{self.address}/photos/{photo['id']}/{what}"

    def correct(self, photo, value):
        return self.client.put(self.of(photo, "correction"), json={"value": value})

    def table(self, **query):
        answer = self.client.get(f"{self.address}/answers.csv", params=query)
        assert answer.headers["content-disposition"] == 'attachment; filename="answers.csv"'
        assert answer.content.startswith(b"\xef\xbb\xbf")
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.fixture
def tab(client_of, classifier):
    return Tab(client_of(model_app(classifier, "pets.sktl")))


def test_the_page_knows_what_the_model_predicts(tab):
    found = tab.client.get("api/model").json()
    assert found["name"] == "pets.sktl"
    assert (found["kind"], found["names"]) == ("classification", ["cat", "dog", "fish"])
    assert found["has_maps"]
    assert found["knows_novel"]
    assert found["errors"] == [{"error": 0.05, "least": 0.7}]


def test_each_image_is_answered_as_the_model_predicts(tab, classifier, photos):
    paths = sorted((photos / "day 1").iterdir())
    found = [tab.drop(path).json() for path in paths]
    names = ["cat", "dog", "fish"]
    assert [names[photo["chosen"][0]] for photo in found] == classifier.predict(paths).tolist()
    expected = classifier.predict_proba(paths).max(axis=1)
    np.testing.assert_allclose([photo["confidence"] for photo in found], expected, rtol=1e-5)
    assert [photo["novel"] for photo in found] == [False] * 6
    assert tab.drop(photos / "=strange.png").json()["novel"]
    assert [photo["name"] for photo in tab.photos()] == [
        *(path.name for path in paths),
        "=strange.png",
    ]


def test_a_file_that_is_no_image_has_a_message_and_the_others_go_on(tab, photos, tmp_path):
    (tmp_path / "empty.jpg").touch()
    for path in (photos / "notes.txt", tmp_path / "empty.jpg"):
        photo = tab.drop(path, f"trip/{path.name}").json()
        assert photo["error"].startswith(f"trip/{path.name} ")
        assert "chosen" not in photo
        assert tab.client.get(tab.of(photo, "picture")).status_code == 404
    assert tab.drop(photos / "day 1" / "0.png").json()["error"] == ""


def test_limits_are_kept(client_of, classifier, photos, tmp_path):
    limits = Limits(photo_bytes=8000, n_photos=3, n_sessions=2, all_bytes=10_000)
    tab = Tab(client_of(model_app(classifier, "m", limits=limits)))
    small, large = photos / "day 1" / "0.png", tmp_path / "large.png"
    large.write_bytes(small.read_bytes() + bytes(8000))
    assert "larger than 8000 bytes" in tab.drop(large).json()["error"]
    declared = tab.client.post(f"{tab.address}/photos?name=huge.jpg&size=9000").json()
    assert "larger than 8000 bytes" in declared["error"]
    tab.client.delete(f"{tab.address}/photos")
    assert tab.drop(small).json()["error"] == ""
    large.write_bytes(small.read_bytes() + bytes(5000))  # which a decoder does not read
    assert tab.drop(large).json()["error"] == ""
    assert "no room for more than 10000 bytes" in tab.drop(large).json()["error"]
    answer = tab.drop(small)
    assert answer.status_code == 413
    assert (
        "at most 3 images" in answer.json()["error"] or "takes 3 images" in answer.json()["error"]
    )
    tab.client.delete(f"{tab.address}/photos")
    assert tab.drop(large).json()["error"] == ""  # there is room again
    Tab(tab.client)
    assert tab.client.post("api/sessions").status_code == 429
    assert tab.client.post(f"{tab.address}/photos?size=x").status_code == 400


def test_two_tabs_share_nothing(tab, photos):
    other = Tab(tab.client)
    photo = tab.drop(photos / "day 1" / "0.png").json()
    assert other.photos() == []
    assert other.table()[1:] == []
    for what in ("picture", "map", "correction"):
        assert tab.client.get(other.of(photo, what)).status_code in (404, 405)
    assert other.correct(photo, "dog").status_code == 404
    assert tab.client.get("api/unknown/photos").json() == {
        "error": "This session has ended. Load the page again."
    }


def test_pictures_are_jpegs_that_every_browser_shows(tab, photos, tmp_path):
    Image.open(photos / "day 1" / "0.png").save(tmp_path / "a.tif")
    photo = tab.drop(tmp_path / "a.tif").json()
    plain, lit = (tab.client.get(tab.of(photo, what)) for what in ("picture", "map"))
    for answer in (plain, lit):
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == (30, 24)
    assert plain.content != lit.content


def test_corrections_go_to_the_spreadsheet(tab, photos):
    strange = tab.drop(photos / "=strange.png").json()
    first = tab.drop(photos / "day 1" / "0.png", "day 1/0.png").json()
    tab.drop(photos / "notes.txt")
    assert tab.correct(strange, " @noise ").json()["corrected"] == "@noise"
    assert tab.correct(first, "dog").json()["corrected"] == "dog"
    header, *rows = tab.table()
    assert header == ["path", "prediction", "probability", "remark", "error", "corrected"]
    assert [row[0] for row in rows] == ["'=strange.png", "day 1/0.png", "notes.txt"]
    assert [row[-1] for row in rows] == ["'@noise", "dog", ""]
    assert [row[3] for row in rows] == ["unlike the training images", "", ""]
    assert rows[1][1] == "cat"
    assert rows[2][4].startswith("notes.txt is not an image")
    assert tab.correct(first, None).json()["corrected"] is None
    assert tab.table()[2][-1] == ""


def test_answers_below_a_probability_are_unsure(tab, photos):
    photo = tab.drop(photos / "day 1" / "0.png").json()
    sure = tab.table(least=photo["confidence"] - 0.001)[1]
    unsure = tab.table(least=photo["confidence"] + 0.001)[1]
    assert (sure[1], sure[3]) == ("cat", "")
    assert (unsure[1], unsure[3]) == ("", "unsure")
    assert tab.client.get(f"{tab.address}/answers.csv?least=x").status_code == 400


@pytest.mark.parametrize("value", ["", "a\nb", "x" * 201, 3, ["cat"], {}])
def test_a_class_is_a_line_of_text(tab, photos, value):
    photo = tab.drop(photos / "day 1" / "0.png").json()
    answer = tab.correct(photo, value)
    assert answer.status_code == 400
    assert "class" in answer.json()["error"]
    assert tab.photos()[0]["corrected"] is None


def test_tags_are_corrected_as_a_set(client_of, tagger, photos):
    tab = Tab(client_of(model_app(tagger, "tags")))
    photo = tab.drop(photos / "day 1" / "0.png").json()
    found = tab.client.get("api/model").json()
    assert (found["kind"], found["names"]) == ("multilabel", ["furry", "wet"])
    assert not found["has_maps"]
    assert tab.correct(photo, ["wet", "furry"]).json()["corrected"] == ["furry", "wet"]
    assert tab.table()[1][-1] == "furry, wet"
    tab.correct(photo, [])
    assert tab.table()[1][-1] == "(none)"
    for value in ("wet", ["dry"], [["wet"]]):
        assert tab.correct(photo, value).status_code == 400


def test_numbers_are_corrected_as_numbers(client_of, regressor, photos):
    tab = Tab(client_of(model_app(regressor, "numbers")))
    photo = tab.drop(photos / "day 1" / "0.png").json()
    np.testing.assert_allclose(photo["values"], [1, 5], atol=0.5)
    assert tab.correct(photo, [2, 4.5]).json()["corrected"] == [2, 4.5]
    header, row = tab.table(least=0.9)  # which says nothing about numbers
    assert header == ["path", "weight", "price", "error", "corrected weight", "corrected price"]
    assert row[-2:] == ["2", "4.5"]
    for value in ([2], "2", [2, "x"], [2, None], [True, 1]):
        assert tab.correct(photo, value).status_code == 400


def test_a_model_that_has_no_maps_answers_all_the_same(client_of, photos):
    X, y = study(3, 30)
    model = make_pipeline(RawPixels(), LogisticRegression(max_iter=1000)).fit(X, y)
    tab = Tab(client_of(model_app(model, "raw")))
    found = tab.client.get("api/model").json()
    assert (found["has_maps"], found["knows_novel"], found["errors"]) == (False, False, [])
    photo = tab.drop(photos / "day 1" / "0.png").json()
    assert photo["chosen"] == [0]
    answer = tab.client.get(tab.of(photo, "map"))
    assert answer.status_code == 409
    assert "have no maps" in answer.json()["error"]


def test_images_that_wait_are_answered_together(tab, photos, monkeypatch):
    asked, entered, go_on = [], threading.Event(), threading.Event()
    page = tab.client.app
    review = page_review(page)
    ask = review.answers.ask

    def slow(paths):
        asked.append(len(paths))
        entered.set()
        go_on.wait(10)
        return ask(paths)

    review.answers = review.answers._replace(ask=slow)
    paths = sorted((photos / "day 1").iterdir())
    threads = [threading.Thread(target=tab.drop, args=[path]) for path in paths]
    threads[0].start()
    entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(review.waiting) < 5:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert asked == [1, 5]
    assert sorted(photo["name"] for photo in tab.photos()) == [f"{i}.png" for i in range(6)]


def test_an_error_of_the_model_keeps_no_photo(tab, photos):
    review = page_review(tab.client.app)

    def fail(paths):
        raise RuntimeError("broken")

    review.answers = review.answers._replace(ask=fail)
    answer = tab.drop(photos / "day 1" / "0.png")
    assert answer.status_code == 500
    assert answer.json() == {"error": "RuntimeError: broken"}
    assert tab.photos() == []
    assert list(review.folder.iterdir()) == []


def test_a_full_disk_is_a_message(tab, photos, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sklearn_tl.pages.review.open", full, raising=False)
    assert "No space left on device" in tab.drop(photos / "day 1" / "0.png").json()["error"]


def test_files_are_removed_when_images_are_and_at_the_end(client_of, classifier, photos):
    from starlette.testclient import TestClient

    app = model_app(classifier, "m")
    with TestClient(app, f"http://127.0.0.1:8000/{app.state.token}/") as client:
        tab, folder = Tab(client), page_review(app).folder
        photo = tab.drop(photos / "day 1" / "0.png").json()
        tab.drop(photos / "day 1" / "1.png")
        assert len(list(folder.iterdir())) == 2
        client.delete(f"{tab.address}/photos/{photo['id']}")
        assert [one["name"] for one in tab.photos()] == ["1.png"]
        assert len(list(folder.iterdir())) == 1
        assert tab.correct(photo, "dog").json() == {"error": "This image was removed."}
    assert not folder.exists()


def page_review(app):
    """Return the state behind an application."""
    mount = app.routes[0]
    (route,) = [route for route in mount.routes if getattr(route, "path", "") == "/api/model"]
    return route.endpoint.__self__.review
