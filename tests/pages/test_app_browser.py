"""The page of a model in a browser: real files, keys, corrections, a phone."""

import csv

import pytest
from helpers.browser import chromium, running

from sklearn_tl.pages import model_app
from sklearn_tl.pages.photos import Limits

TIMEOUT = 20_000  # ms; the answers come much sooner


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(classifier):
    with running(model_app(classifier, "pets.sktl", limits=Limits(photo_bytes=100_000))) as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    """Return a function that opens the page in a new tab, and fails if a script does."""
    problems, contexts = [], []

    def make(address=address, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: problems.append(str(error)))
        # For example, that the content security policy forbids something.
        page.on("console", lambda said: said.type == "error" and problems.append(said.text))
        page.goto(address)
        page.locator("#about", has_text=" ").wait_for()
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def wait_for_answers(page, n):
    page.locator(".card").nth(n - 1).wait_for()
    page.locator(".card.waiting").first.wait_for(state="detached")
    page.locator("#progress").wait_for(state="hidden")
    # The cards are sorted and counted a moment after the last answer.
    page.locator("#images:not([aria-busy=true])").wait_for()


def labels(page):
    return page.locator(".card:visible .label").all_inner_texts()


def rows_of(page, path):
    with page.expect_download() as download:
        page.click("#csv")
    download.value.save_as(path)
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_answered_sorted_filtered_corrected_and_downloaded(open_page, photos, tmp_path):
    (photos / "large.jpg").write_bytes(bytes(100_001))
    page = open_page()
    page.set_input_files("#folder", photos)
    wait_for_answers(page, 9)
    (photos / "large.jpg").unlink()
    summary = page.inner_text("#summary")
    assert summary.startswith("9 images · ")
    assert summary.endswith("1 unlike anything trained on · 2 without an answer")
    problems = page.locator(".card .problem").all_inner_texts()
    assert any("notes.txt is not an image" in problem for problem in problems)
    assert any("larger than" in problem for problem in problems)
    assert sorted(labels(page))[:2] == ["cat", "cat"]

    page.select_option("#sort", "label")
    assert labels(page) == sorted(labels(page))
    page.select_option("#label", "dog")
    assert set(labels(page)) == {"dog"}
    page.select_option("#label", label="all")
    page.select_option("#show", "novel")
    assert page.locator(".card:visible .name").all_inner_texts() == ["=strange.png"]
    assert page.locator(".card:visible .novel").count() == 1

    page.click(".card:visible >> text=Correct")
    page.fill("#other", "@noise")
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Saved: @noise").wait_for()
    page.keyboard.press("Escape")
    page.select_option("#show", "corrected")
    assert labels(page) == ["@noise"]
    rows = {row["path"].split("/")[-1]: row for row in rows_of(page, tmp_path / "a.csv")}
    assert len(rows) == 9
    assert rows["=strange.png"]["corrected"] == "'@noise"
    assert rows["0.png"]["prediction"] == "cat"
    assert "not an image" in rows["notes.txt"]["error"]

    page.reload()
    wait_for_answers(page, 9)
    page.select_option("#show", "corrected")
    assert labels(page) == ["@noise"]


def test_everything_is_reached_with_keys(open_page, photos):
    page = open_page()
    page.set_input_files("#files", sorted((photos / "day 1").iterdir()))
    wait_for_answers(page, 6)
    page.select_option("#sort", "name")
    page.select_option("#least", "0.99")
    page.locator(".open").first.focus()
    press, focused = page.keyboard.press, page.locator(".open:focus")
    assert focused.get_attribute("aria-label").startswith("cat, ")
    assert focused.get_attribute("aria-label").endswith(", 0.png")
    for key, name in [("ArrowRight", "1.png"), ("End", "5.png"), ("ArrowLeft", "4.png")]:
        press(key)
        assert focused.get_attribute("aria-label").endswith(name)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press("Home")
    press("l")
    looked = page.locator(".card:visible").first.locator("img")
    assert looked.get_attribute("src").endswith("/map")
    press("l")
    assert looked.get_attribute("src").endswith("/picture")

    press("Enter")
    assert page.inner_text("#viewer-name") == "0.png"
    press("3")
    page.locator("#said", has_text="Saved: fish").wait_for()
    press("ArrowRight")
    assert page.inner_text("#viewer-name") == "1.png"
    press("l")
    page.locator("#look[aria-pressed=true]").wait_for()
    press("2")
    page.locator("#viewer-chips", has_text="confirmed").wait_for()
    press("0")
    page.locator("#viewer-chips", has_text="confirmed").wait_for(state="hidden")
    press("Escape")
    page.locator(".open:focus[aria-label$='1.png']").wait_for()
    assert labels(page)[:2] == ["fish", "dog"]
    # All buttons of the other cards are reached by arrows, so that Tab leaves the grid.
    assert page.locator(".card button[tabindex='0']").count() == 3


def test_a_folder_can_be_dropped(open_page, photos):
    page = open_page()
    drag = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(photos)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        at = {"type": kind, "x": 200, "y": 150, "data": data}
        drag.send("Input.dispatchDragEvent", at)
    wait_for_answers(page, 8)
    titles = page.locator(".name").evaluate_all("names => names.map((name) => name.title)")
    assert "trip/day 1/0.png" in titles


def test_two_tabs_do_not_mix(open_page, photos):
    first, second = open_page(), open_page()
    first.set_input_files("#files", photos / "day 1" / "0.png")
    wait_for_answers(first, 1)
    second.reload()
    second.locator("#about", has_text=" ").wait_for()
    assert second.locator(".card").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_aside(open_page, photos, scheme):
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.set_input_files("#files", sorted((photos / "day 1").iterdir()))
    wait_for_answers(page, 6)
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 360
    page.locator(".open").first.click()
    assert page.evaluate(width) == 360
    side = page.locator("#viewer").evaluate("viewer => viewer.scrollWidth")
    assert side <= 360
    for name in ("#previous", "#next", "#look", "#close", "#take-back"):
        box = page.locator(name).bounding_box()
        assert box is None or box["x"] + box["width"] <= 360


def test_tags_and_numbers_are_corrected(open_page, tagger, regressor, photos, tmp_path):
    image = photos / "day 1" / "0.png"
    with running(model_app(tagger, "tags")) as address:
        page = open_page(address)
        page.set_input_files("#files", image)
        wait_for_answers(page, 1)
        page.locator(".open").first.click()
        before = page.locator(".choice[aria-pressed=true]").count()
        page.keyboard.press("2")
        page.locator("#viewer-chips", has_text="corrected").wait_for()
        assert abs(page.locator(".choice[aria-pressed=true]").count() - before) == 1
    with running(model_app(regressor, "numbers")) as address:
        page = open_page(address)
        page.set_input_files("#files", image)
        wait_for_answers(page, 1)
        page.locator(".open").first.click()
        page.locator(".number input").first.fill("2.5")
        page.keyboard.press("Enter")
        page.locator("#said", has_text="Saved: weight 2.5, price").wait_for()
        page.keyboard.press("Escape")
        (row,) = rows_of(page, tmp_path / "b.csv")
        assert row["corrected weight"] == "2.5"


def test_files_that_come_before_the_model_is_known_are_not_lost(browser, address, photos):
    context, held = browser.new_context(), []
    page = context.new_page()
    page.route("**/api/model", lambda route: held.append(route))
    with page.expect_request("**/api/model"):
        page.goto(address)
    page.set_input_files("#files", photos / "day 1" / "0.png")
    held[0].continue_()
    wait_for_answers(page, 1)
    context.close()


def test_a_program_that_has_stopped_is_named(browser, classifier, photos):
    image = photos / "day 1" / "0.png"
    context = browser.new_context()
    with running(model_app(classifier, "pets.sktl")) as address:
        page = context.new_page()
        page.goto(address)
        page.set_input_files("#files", image)
        wait_for_answers(page, 1)
    page.set_input_files("#files", image)
    page.locator("#banner", has_text="Is sklearn-tl still running").wait_for()
    assert labels(page) == ["cat"]
    context.close()
