"""What is asked, that the estimate is honest, and that nothing is lost."""

import multiprocessing
import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.disks import full_after
from helpers.processes import METHODS

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.annotation import LabellingSession
from sklearn_tl.datasets import load_table


def answer(session, n, colour_of):
    """Answer `n` questions rightly and return their images."""
    asked = []
    for _ in range(n):
        (image,) = session.ask()
        session.label([image], colour_of(session, image))
        asked.append(image)
    return asked


def rows_of(path):
    return path.read_text(encoding="utf-8-sig").splitlines()[1:]


def test_every_fourth_question_is_of_the_random_part(started, colour_of):
    asked = answer(started, 24, colour_of)
    is_random = [started.is_random(image) for image in asked]
    assert is_random == [False, False, False, True] * 6
    part = [image for image in range(60) if started.is_random(image)]
    assert 6 < len(part) < 25  # a quarter of 60, give or take what chance does


def test_random_images_take_turns_after_many_were_labelled_together(started, colour_of):
    started.label([i for i in range(60) if not started.is_random(i)][:12], "red")
    asked = answer(started, 8, colour_of)
    assert [started.is_random(image) for image in asked] == [True, False] * 4


def test_the_random_part_is_not_trained_on(started, colour_of):
    answer(started, 16, colour_of)
    rows = started.embedder.rows
    before = started.predict(rows)
    for image in [i for i in range(60) if started.is_random(i)]:
        if image not in started.answers.labels:
            started.label([image], "red")
    assert started.predict(rows) == before
    assert started.estimate().n == sum(started.is_random(i) for i in range(60))


def test_without_random_questions_there_is_no_estimate(begin, colour_of):
    with begin(random_every=0) as session:
        session.embedder.wait(60)
        answer(session, 30, colour_of)
        assert session.estimate().n == 0
        assert not any(session.is_random(i) for i in range(60))


@pytest.mark.parametrize("every", [1, -4, True])
def test_a_random_part_that_leaves_nothing_to_train_on(begin, every):
    with pytest.raises(ValueError, match="random_every=.* must be at least 2, or 0"):
        begin(random_every=every)


def test_rows_have_length_1_whatever_the_extractor_does(photos, tiny):
    extractor = ConvFeatureExtractor(tiny, image_size=24)
    with LabellingSession(photos, extractor=extractor) as session:
        session.embedder.wait(60)
        lengths = np.linalg.norm(session.embedder.rows, axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_the_first_questions_cover_all_classes_and_the_model_learns(started, colour_of):
    asked = answer(started, 8, colour_of)
    assert {colour_of(started, i) for i in asked[:4]} == {"red", "green", "blue"}
    truth = [colour_of(started, i) for i in range(60)]
    assert np.mean(np.array(started.predict(started.embedder.rows)) == truth) > 0.9


def test_questions_differ_from_those_that_are_shown(started):
    shown = started.ask(5)
    assert len(set(shown)) == 5
    assert not set(started.ask(5, shown)) & set(shown)
    assert len(started.ask(100)) == 60


def test_before_anything_is_embedded_there_are_questions_too(begin, colour_of):
    session = begin()
    asked = answer(session, 60, colour_of)
    assert sorted(asked) == list(range(60))
    assert session.ask() == []
    assert session.estimate().accuracy is None
    session.close()


def test_a_session_goes_on_where_it_ended_and_undo_does_so_too(begin, colour_of, photos):
    with begin(["red", "violet"]) as session:
        asked = answer(session, 5, colour_of)
        skipped = session.ask()[0]
        session.skip(skipped)
    assert len(rows_of(photos / "labels.csv")) == 5
    with begin() as session:
        assert list(session.answers.labels) == asked
        assert session.answers.skipped == [skipped]
        assert "violet" in session.answers.classes
        assert skipped not in session.ask(50)
        assert skipped in session.ask(60)
        assert session.undo() == [asked[4]]
    with begin() as session:
        assert list(session.answers.labels) == asked[:4]


def test_undo_takes_back_what_was_labelled_together_and_skips(started):
    started.label([3, 4, 5], "red")
    started.skip(7)
    assert started.undo() == [7]
    assert started.answers.skipped == []
    assert started.undo() == [3, 4, 5]
    assert started.undo() == []
    assert rows_of(started.path) == []


def test_a_second_label_is_an_error_and_changes_nothing(started):
    started.label([3], "red")
    with pytest.raises(ValueError, match="03 red.png has the label 'red' already.*undo"):
        started.label([2, 3], "blue")
    assert started.answers.labels == {3: "red"}
    assert started.answers.classes == ["red"]


def test_a_bad_name_changes_nothing(started):
    with pytest.raises(ValueError, match="line break"):
        started.label([3], "a\nb")
    assert not started.answers.labels


def test_a_full_disk_is_said_and_the_answer_is_saved_later(started):
    started.label([3], "red")
    with full_after(10):
        started.label([4], "green")
        assert "labels.csv cannot be written" in started.answers.unsaved
        assert started.answers.labels[4] == "green"
        assert len(rows_of(started.path)) == 1
        started.catch_up()
        assert started.answers.unsaved is not None
    started.catch_up()
    assert started.answers.unsaved is None
    assert len(rows_of(started.path)) == 2


def _label_until_killed(begin, done):
    session = begin(["a"])
    while images := session.ask():
        session.label(images, "a")
        done.send(session.names[images[0]])
    done.recv()  # for ever


@pytest.mark.skipif("fork" not in METHODS, reason="this system cannot fork")
def test_kill_9_loses_no_answer(begin):
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_label_until_killed, args=(begin, there))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        process.start()
    names = [here.recv() for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with begin() as session:
        saved = [session.names[image] for image in session.answers.labels]
        assert saved[:20] == names
        assert session.undo()
        assert session.ask()


def test_an_unreadable_image_is_left_out(begin, photos, colour_of):
    (photos / "broken red.png").write_bytes(b"no image")
    with begin() as session:
        session.embedder.wait(60)
        broken = session.names.index("broken red.png")
        assert "broken red.png" in session.embedder.problems[broken]
        assert session.embedder.n_done == 61
        assert broken not in session.ask(61)


def test_an_unreadable_image_gets_no_label_and_is_not_offered_again(begin, photos):
    for name in ("broken.png", "gone.png", "shrunk.png"):
        (photos / name).write_bytes((photos / "00 red.png").read_bytes())
    session = begin()  # which embeds nothing yet
    (photos / "broken.png").write_bytes(b"no image")
    (photos / "gone.png").unlink()
    broken, gone, shrunk = (session.names.index(f"{n}.png") for n in ("broken", "gone", "shrunk"))
    session.skip(broken)
    for image, reason in ((broken, "broken.png is not an image"), (gone, "gone.png")):
        with pytest.raises(ValueError, match=f"{reason}.*cannot have a label"):
            session.label([0, image], "red")
    assert not session.answers.labels
    session.leave_out(shrunk, "It is not shown.")  # as the page does
    assert sorted(session.ask(100)) == list(range(60))
    with session:
        session.embedder.wait(60)
        assert session.embedder.n_done == 63
        assert sorted(session.ask(100)) == list(range(60))
        with pytest.raises(ValueError, match="It is not shown. It is left out"):
            session.label([shrunk], "red")


def test_a_file_whose_name_is_a_formula_is_text_in_a_spreadsheet(begin, photos):
    pytest.importorskip("pandas")
    (photos / "=1+1").mkdir()
    for i, name in enumerate(["=1+1/a.png", "-b.png", "@c.png", "+d.png"]):
        next(photos.glob(f"0{i} *.png")).rename(photos / name)
    with begin() as session:
        for i in range(60):
            session.label([i], "ab"[i % 2])
    assert not [row for row in rows_of(session.path) if row[0] in "=+-@"]
    data = load_table(session.path, task="classification")
    assert len(data.paths) == 60
    assert all(Path(path).exists() for path in data.paths)
    with begin() as session:
        assert len(session.answers.labels) == 60


def test_a_network_that_fails_is_said_and_labelling_goes_on(photos, colour_of):
    def no_network():
        raise RuntimeError("no weights here")

    extractor = ConvFeatureExtractor(no_network)
    with LabellingSession(photos, extractor=extractor) as session:
        session.embedder.wait(60)
        assert "no weights here" in session.embedder.failure
        answer(session, 3, colour_of)


def test_a_second_start_needs_no_network(begin, photos, tiny, tmp_path, network_images):
    extractor = ConvFeatureExtractor(tiny, image_size=24, cache=tmp_path / "rows.sqlite")
    for n_images in (60, 0):
        network_images.clear()
        with LabellingSession(photos, extractor=extractor) as session:
            session.embedder.wait(60)
            assert session.embedder.is_done.all()
        assert sum(network_images) == n_images


def test_rows_are_cached_in_a_hidden_file_beside_the_table(photos):
    session = LabellingSession(photos)
    assert session.embedder.extractor.cache == photos / ".labels-rows.sqlite"
    session.close()


def test_similar_images_are_never_of_the_random_part(started, colour_of):
    image = next(i for i in range(60) if not started.is_random(i))
    found = started.similar(image, 8)
    assert len(found) == 8
    assert not any(started.is_random(i) for i in [*found, image])
    assert {colour_of(started, i) for i in found} == {colour_of(started, image)}
    assert started.similar(next(i for i in range(60) if started.is_random(i))) == []


def test_the_answer_says_what_the_model_had_expected(started, colour_of):
    answer(started, 12, colour_of)
    (image,) = started.ask()
    expected = started.predict(started.embedder.rows[[image]])[0]
    assert started.label([image], "red") == expected


def test_labels_of_files_that_are_not_in_the_folder_stay(begin, photos):
    (photos / "labels.csv").write_text("path,label\ngone.png,cat\n00 red.png,red\n")
    with begin() as session:
        assert (
            "labels of files that are not in the folder, such as 'gone.png'" in session.remarks[0]
        )
        assert session.answers.classes == ["cat", "red"]
        session.undo()
    assert rows_of(photos / "labels.csv") == ["gone.png,cat"]


def test_a_label_that_somebody_wrote_into_the_table_is_checked(begin, photos):
    (photos / "labels.csv").write_text("path,label\n00 red.png,red\n03 red.png,Red\n")
    with pytest.raises(ValueError, match=r"labels.csv: .*'Red' is spelled.*Correct .*03 red.png"):
        begin()
    (photos / "labels.csv").unlink()
    (photos / "labels.settings.json").write_text('{"classes": ["a\\nb", "blue"]}')
    with begin() as session:
        assert session.answers.classes == ["blue"]


def test_names_that_a_table_cannot_hold_are_left_out(begin, photos):
    for name in ("line\nbreak.png", os.fsdecode(b"\xff.png")):
        (photos / name).write_bytes((photos / "00 red.png").read_bytes())
    with begin() as session:
        assert len(session.paths) == 60
        assert session.remarks[0].startswith("2 files have names that a table cannot hold")


@pytest.mark.parametrize(("name", "message"), [("none", "does not exist"), ("x.txt", "a file")])
def test_a_folder_that_is_none(tmp_path, name, message):
    (tmp_path / "x.txt").touch()
    with pytest.raises(ValueError, match=message):
        LabellingSession(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="contains no image files"):
        LabellingSession(tmp_path / "empty")


def test_the_table_may_be_elsewhere(begin, tmp_path, photos):
    out = tmp_path / "elsewhere" / "answers.csv"
    out.parent.mkdir()
    with begin(out=out) as session:
        session.label([0], "red")
    assert rows_of(out) == [f"../{photos.name}/00 red.png,red"]
    assert Path(out.parent, rows_of(out)[0].split(",")[0]).exists()


def test_a_session_that_cannot_begin_leaves_no_lock(begin, photos):
    (photos / "labels.csv").write_text("image;species\n")
    with pytest.raises(ValueError, match="has the columns"):
        begin()
    (photos / "labels.csv").unlink()
    begin().close()
