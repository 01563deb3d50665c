"""Progress: a bar in a terminal, lines elsewhere, and silence unless asked for."""

import re
import sys

import pytest
from helpers.callbacks import Recorder
from helpers.pictures import study
from helpers.strategies import two_strategies

from sklearn_tl import compare_strategies
from sklearn_tl._utils import CallbackSupportMixin


@pytest.fixture
def said(capsys):
    def compare(verbose):
        X, y = study(2, 12)
        compare_strategies(X, y, strategies=two_strategies(), cv=2, verbose=verbose)
        out, err = capsys.readouterr()
        assert out == ""
        return err

    return compare


def test_nothing_is_said_unless_asked_for(said):
    assert said(0) == ""


def test_a_terminal_shows_a_bar(said, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    text = said(1)
    assert "4/4" in text
    assert "12/12" in text  # the images of the first pass
    assert "started" not in text


def test_a_file_gets_a_line_when_a_strategy_starts_and_when_it_ends(said):
    lines = said(1).splitlines()
    expected = [
        "NormNet: first pass over 12 images",
        "linear: started (2 fits)",
        r"linear: mean score 1\.000, \d+ s",
        "last: started (2 fits)",
        r"last: mean score 1\.000, \d+ s",
        "linear: fitting on all images",
    ]
    expected = [text.replace("(", r"\(").replace(")", r"\)") for text in expected]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line)


def compare_with(callbacks):
    X, y = study(2, 12)
    return compare_strategies(X, y, strategies=two_strategies(), cv=2, callbacks=callbacks)


def test_callbacks_of_scikit_learn_follow_strategies_and_fits():
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    compare_with([recorder])
    fit = [
        ("begin", "fit", 0, 0),
        ("end", "fit", None),
        ("begin", "fit", 1, 0),
        ("end", "fit", None),
    ]
    assert recorder.events == [
        "setup",
        ("begin", "fit", 0, 2),
        ("begin", "linear", 0, 2),
        *fit,
        ("end", "linear", None),
        ("begin", "last", 1, 2),
        *fit,
        ("end", "last", None),
        ("end", "fit", None),
        "teardown",
    ]


def test_what_is_not_a_callback_is_found_before_anything_runs(network_images):
    pytest.importorskip("sklearn.callback")
    with pytest.raises(TypeError, match="must be instances following the FitCallback protocol"):
        compare_with([print])
    with pytest.raises(TypeError, match="must be a list"):
        compare_with(Recorder())
    assert not network_images


def test_older_versions_of_scikit_learn_name_the_one_that_is_needed(monkeypatch):
    monkeypatch.delattr(CallbackSupportMixin, "set_callbacks", raising=False)
    with pytest.raises(ValueError, match="need scikit-learn 1.9 or newer"):
        compare_with([Recorder()])
