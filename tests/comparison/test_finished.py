"""A comparison that was stopped goes on, and a changed one begins anew."""

import pickle

import numpy as np
import pytest
from helpers.pictures import study
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_tl import compare_strategies
from sklearn_tl.comparison import RawPixels
from sklearn_tl.comparison.finished import load

X, y = study(2, 24)
FITS = []


class Counted(ClassifierMixin, BaseEstimator):
    """A classifier whose fits are counted, and which is stopped at some of them."""

    stop_at = None

    def __init__(self, answer=0):
        self.answer = answer

    def fit(self, X, y):
        if len(FITS) == Counted.stop_at:
            raise KeyboardInterrupt
        FITS.append(len(X))
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        rows = np.full((len(X), len(self.classes_)), 0.25)
        rows[:, self.answer] = 0.75
        return rows

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


STRATEGIES = {
    "counted": make_pipeline(RawPixels(), Counted()),
    "other": make_pipeline(RawPixels(), Counted(1)),
}
COMMON = {"duplicates": "ignore", "random_state": 0, "cv": 3, "refit": False}


@pytest.fixture(autouse=True)
def fits():
    FITS.clear()
    Counted.stop_at = None
    return FITS


def compare(X, y, folder, strategies=STRATEGIES, **more):
    return compare_strategies(X, y, strategies=strategies, checkpoint=folder, **(COMMON | more))


def test_a_comparison_that_was_stopped_goes_on(tmp_path, capsys):
    whole = compare(X, y, None)
    FITS.clear()
    Counted.stop_at = 4
    with pytest.raises(KeyboardInterrupt):
        compare(X, y, tmp_path / "new" / "folder", verbose=1)
    assert "finished" not in capsys.readouterr().err
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 4

    FITS.clear()
    Counted.stop_at = None
    again = compare(X, y, tmp_path / "new" / "folder", verbose=1)
    assert len(FITS) == 2
    assert "4 of 6 fits are finished, and used again" in capsys.readouterr().err
    for name in STRATEGIES:
        np.testing.assert_array_equal(again.scores(name), whole.scores(name))
        np.testing.assert_array_equal(again.predictions_[name], whole.predictions_[name])
        np.testing.assert_array_equal(again.probabilities_[name], whole.probabilities_[name])


def changed_pixel():
    other = X.copy()
    other[0, 0, 0, 0] += 1
    return other


@pytest.mark.parametrize(
    ("images", "labels", "more", "n_fits"),
    [
        (X, y, {}, 0),
        (changed_pixel(), y, {}, 3),
        (X, np.roll(y, 1), {}, 3),
        (X, y, {"groups": np.arange(24) % 12}, 3),
        (X, y, {"random_state": 1}, 3),
        (X, y, {"scoring": "balanced_accuracy"}, 3),
        (X, y, {"strategies": {"counted": make_pipeline(RawPixels(), Counted(1))}}, 3),
        (X, y, {"strategies": STRATEGIES}, 3),  # what is new
        (X, y, {"train_sizes": [8]}, 3),
    ],
)
def test_only_a_fit_of_the_same_study_is_used_again(images, labels, more, n_fits, tmp_path, capsys):
    first = {"counted": STRATEGIES["counted"]}
    compare(X, y, tmp_path, first)
    FITS.clear()
    compare(images, labels, tmp_path, **({"strategies": first} | more), verbose=1)
    assert len(FITS) == n_fits
    err = capsys.readouterr().err
    is_new = n_fits == 3 and "train_sizes" not in more and more.get("strategies") is not STRATEGIES
    assert ("the 3 finished fits there are of another study" in err) == is_new
    assert is_new or "fits are finished, and used again" in err


def test_other_versions_have_no_finished_fits(tmp_path, monkeypatch):
    compare(X, y, tmp_path)
    monkeypatch.setattr("sklearn_tl.comparison.finished.version", lambda library: "99")
    FITS.clear()
    compare(X, y, tmp_path)
    assert len(FITS) == 6


def test_files_are_the_same_images_by_their_content(tmp_path):
    paths = []
    for i, image in enumerate(X):
        np.save(tmp_path / f"{i}.npy", image)
        paths.append(str(tmp_path / f"{i}.npy"))
    compare(paths, y, tmp_path / "kept")
    np.save(paths[0], X[0])  # another time, and the same content
    FITS.clear()
    compare(paths, y, tmp_path / "kept")
    assert FITS == []
    np.save(paths[0], X[1])
    compare(paths, y, tmp_path / "kept")
    assert len(FITS) == 6


def test_a_damaged_file_is_made_again_and_a_pickle_is_not_opened(tmp_path):
    compare(X, y, tmp_path)
    first, second, *_ = sorted(tmp_path.iterdir())
    first.write_bytes(first.read_bytes()[:50])
    second.write_bytes(pickle.dumps({"score": 1.0}))
    assert load(second, None) is None
    FITS.clear()
    compare(X, y, tmp_path)
    assert len(FITS) == 2
    assert load(second, np.unique(y)) is not None


@pytest.mark.parametrize(
    "targets",
    [
        np.array(["cat", "dog"], dtype=object)[y],
        np.array([True, False])[y],
        np.column_stack([y, 1 - y, y]),
        np.arange(24) / 7,
        np.column_stack([np.arange(24) / 7, np.arange(24) ** 1.5]),
    ],
)
def test_all_kinds_of_targets_are_kept(targets, tmp_path, monkeypatch):
    is_number = targets.dtype.kind == "f"
    last = DummyRegressor() if is_number else DummyClassifier(strategy="prior")
    strategies = {"dummy": make_pipeline(RawPixels(), last)}
    before = compare(X, targets, tmp_path, strategies)
    monkeypatch.setattr("sklearn_tl.comparison.all_runs.run_fold", None)
    after = compare(X, targets, tmp_path, strategies)
    assert (after.predictions_["dummy"] == before.predictions_["dummy"]).all()
    assert list(after.probabilities_) == list(before.probabilities_)
    assert after.summary() == before.summary()


def test_workers_keep_their_fits_and_embeddings_are_kept_in_the_folder(tmp_path, monkeypatch):
    options = {"strategies": ["embeddings"], "image_size": 32, "cv": 2, "refit": True}
    with parallel_config("threading"):
        result = compare(X, y, tmp_path, n_jobs=2, **options)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "rows.sqlite" in names
    assert sum(name.endswith(".npz") for name in names) == 2
    assert result.best_estimator_[0].cache == "memory"
    monkeypatch.setattr("sklearn_tl.comparison.all_runs.run_fold", None)
    # The fit at the end is not kept.
    assert compare(X, y, tmp_path, **options).scores("embeddings").mean() == 1


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sklearn_tl.comparison.finished.np.savez", full)
    with pytest.warns(UserWarning, match="cannot be written .No space left on device"):
        result = compare(X, y, tmp_path)
    assert len(result.strategies_) == 2
    assert list(tmp_path.iterdir()) == []


def test_wrong_checkpoints_are_found_at_once(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file. Name a folder"):
        compare(X, y, tmp_path / "file")
    with pytest.raises(TypeError, match="checkpoint=True must be the path of a folder"):
        compare(X, y, True)
    with pytest.raises(ValueError, match="needs an int as random_state, but it is None"):
        compare(X, y, tmp_path, random_state=None)
    unnamed = LogisticRegression()
    unnamed.solver = lambda: None
    with pytest.raises(TypeError, match="'mine' or its scoring cannot be pickled"):
        compare(X, y, tmp_path, {"mine": make_pipeline(RawPixels(), unnamed)})
