"""A study gives right rows, whatever happens to its cache file meanwhile."""

import os
import random
import shutil
import sqlite3
import tempfile
import threading
import time
import warnings
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from helpers.disks import full_after, small_disk
from helpers.networks import TinyNet
from helpers.stores import assert_holds, fill, foreign_text, key_of, set_version
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor, cache_info, clear_cache, limit_cache
from sklearn_tl.cache.sqlite import DiskStore
from sklearn_tl.embedding import FrozenPass


def test_rows_that_others_add_meanwhile_are_not_computed_again(tmp_path, make_images, monkeypatch):
    X = make_images(640, 8, 8)
    parameters = {"backbone": TinyNet, "image_size": 32, "cache": tmp_path / "cache"}
    sizes, rows, lock = [], FrozenPass.compute_rows, threading.Lock()

    def counting(self, batch):
        sizes.append(len(batch))
        # Its first chunk waits until another has been through all images.
        if lock.acquire(blocking=False):
            ConvFeatureExtractor(**parameters).fit_transform(X)
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "compute_rows", counting)
    got = ConvFeatureExtractor(**parameters).fit_transform(X)
    assert 640 <= sum(sizes) <= 640 + 8 * 32
    assert_array_equal(got, ConvFeatureExtractor(**parameters | {"cache": None}).fit_transform(X))


class Study:
    """A pass over images of which the right rows are known."""

    def __init__(self, X, network_images):
        self.X, self.network_images = X, network_images
        self.wanted = self.rows(None)

    def rows(self, cache, X=None, **parameters):
        self.network_images.clear()
        extractor = ConvFeatureExtractor(TinyNet, image_size=32, cache=cache, **parameters)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = extractor.fit_transform(self.X if X is None else X)
        self.warnings = [str(warning.message) for warning in caught]
        return rows

    def assert_goes_on(self, cache, warning, **parameters):
        assert_array_equal(self.rows(cache, **parameters), self.wanted)
        assert len(self.warnings) == (1 if warning else 0), self.warnings
        assert warning in "".join(self.warnings)

    def assert_stops(self, cache, message):
        with pytest.raises(OSError, match=f'cannot be used.*{message}.*cache="memory"'):
            self.rows(cache)
        assert not self.network_images


@pytest.fixture
def a_study(make_images, network_images):
    return Study(make_images(300, 8, 8), network_images)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_file_that_cannot_grow_is_no_longer_used(n_jobs, a_study, tmp_path):
    path = tmp_path / "c"
    keys = fill(DiskStore(path), range(600))
    with full_after(path.stat().st_size):
        a_study.assert_goes_on(path, "failed", n_jobs=n_jobs)
        assert_holds(DiskStore(path), keys)
    assert_holds(DiskStore(path), keys)


def test_a_file_that_cannot_be_created_is_not_used(a_study, tmp_path):
    with full_after(1000):
        a_study.assert_goes_on(tmp_path / "c", "failed")
    a_study.assert_goes_on(tmp_path / "c", "")
    assert cache_info(tmp_path / "c").rows == 300


def test_a_full_disk_is_no_longer_used(a_study, tmp_path):
    with small_disk(tmp_path, "1m"):
        path = tmp_path / "c"
        fill(DiskStore(path), range(600))
        with open(tmp_path / "ballast", "wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        a_study.assert_goes_on(path, "failed")
        a_study.assert_goes_on(tmp_path / "other", "failed")
        os.unlink(tmp_path / "ballast")
        a_study.assert_goes_on(path, "")
        assert_holds(DiskStore(path), [key_of(i) for i in range(600)])


@pytest.fixture
def folder():
    """Make a folder that other users can reach."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o777)
        yield Path(path)
        for place, _, _ in os.walk(path):
            os.chmod(place, 0o777)


@contextmanager
def permissions(path, mode):
    """Set them, and be bound by them."""
    if os.name == "nt":
        pytest.skip("permissions are no numbers here")
    os.chmod(path, mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_without_write_permission_is_an_error(a_study, folder):
    with permissions(folder, 0o555):
        a_study.assert_stops(folder / "c", "unable to open")
        a_study.assert_stops(folder / "deep" / "c", "Permission denied")
    assert os.listdir(folder) == []


def test_a_folder_that_cannot_be_entered_is_an_error(a_study, folder):
    with permissions(folder, 0o000):
        a_study.assert_stops(folder / "c", "unable to open")
        a_study.assert_stops(folder, "unable to open")
        for function in (cache_info, clear_cache):
            with pytest.raises(OSError, match="cannot be used: .*Permission denied"):
                function(folder / "c")


def test_a_file_that_cannot_be_read_is_an_error(a_study, folder):
    fill(DiskStore(folder / "c"), range(3))
    DiskStore._worked.clear()
    with permissions(folder / "c", 0o000):
        a_study.assert_stops(folder / "c", "unable to open")
    assert cache_info(folder / "c").rows == 3


@pytest.mark.parametrize("limit", [None, 10**7])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_the_rows_of_a_read_only_file_are_used(what, limit, a_study, folder):
    path = folder / "c"
    limit_cache(path, limit)
    a_study.rows(path, a_study.X[:200])
    DiskStore._worked.clear()
    os.chmod(path, 0o644 if what == "folder" else 0o444)
    with permissions(folder, 0o555 if what == "folder" else 0o777):
        a_study.assert_goes_on(path, "its rows are not kept")
        assert sum(a_study.network_images) == 100
        assert len(a_study.rows(path, a_study.X[:200])) == 200
        assert not a_study.network_images
        assert not a_study.warnings
        assert cache_info(path).rows == 200
        for function in (clear_cache, lambda path: limit_cache(path, 10**6)):
            with pytest.raises(OSError, match="cannot be used: .*readonly"):
                function(path)
    assert cache_info(path) == (200, path.stat().st_size, limit, str(path))


def test_a_damaged_file_in_a_read_only_folder_is_an_error(a_study, folder):
    foreign_text(folder / "c")
    with permissions(folder, 0o555):
        a_study.assert_stops(folder / "c", "Permission denied")
    assert os.listdir(folder) == ["c"]


def test_a_study_goes_on_without_a_cache_that_it_may_no_longer_use(a_study, folder):
    a_study.rows(folder / "c", a_study.X[:10])
    with permissions(folder, 0o000):
        a_study.assert_goes_on(folder / "c", "failed")


def test_a_file_of_a_newer_version_is_left_alone(a_study, tmp_path):
    path = tmp_path / "c"
    set_version(path, 99)
    before = path.read_bytes()
    a_study.assert_goes_on(path, "newer version")  # it worked when this process began
    DiskStore._worked.clear()
    a_study.assert_stops(path, "newer version")
    for function in (cache_info, clear_cache, lambda path: limit_cache(path, 10**6)):
        with pytest.raises(OSError, match="newer version"):
            function(path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*set-aside*"))


def test_a_disk_that_is_full_after_a_file_was_set_aside_gives_two_warnings(a_study, tmp_path):
    foreign_text(tmp_path / "c")
    with full_after(1000):
        assert_array_equal(a_study.rows(tmp_path / "c"), a_study.wanted)
    aside, failed = a_study.warnings
    assert "set aside as" in aside
    assert "failed" in failed


@pytest.mark.parametrize("limit", [None, 10**7])
def test_clocks_that_jump_do_not_matter(limit, a_study, tmp_path, monkeypatch):
    now = [2e9]

    def jumping():
        now[0] = 4e9 - now[0] - random.random()  # to and fro
        return now[0]

    limit_cache(tmp_path / "c", limit)
    monkeypatch.setattr(time, "time", jumping)
    a_study.assert_goes_on(tmp_path / "c", "")
    a_study.assert_goes_on(tmp_path / "c", "")
    assert sum(a_study.network_images) == 0


@pytest.mark.parametrize("what", ["file", "folder", "for good"])
def test_a_file_that_is_removed_in_the_middle_of_a_pass(what, a_study, tmp_path, monkeypatch):
    place, rows = tmp_path / "place", FrozenPass.compute_rows

    def removing(self, batch):
        if place.is_dir() and sum(a_study.network_images) > 100:
            if what == "file":
                (place / "c").unlink(missing_ok=True)
            elif what == "folder":
                shutil.rmtree(place, ignore_errors=True)
            while what == "for good" and not place.is_file():
                # Another thread may make the folder again in the meantime.
                with suppress(OSError):
                    place.rename(Path(tempfile.mkdtemp(dir=tmp_path)) / "place")
                    place.touch(exist_ok=False)
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "compute_rows", removing)
    if what == "for good":
        a_study.assert_goes_on(place / "c", "failed")
        return
    assert_array_equal(a_study.rows(place / "c"), a_study.wanted)
    # One where another thread was just writing, for which that is an input/output error.
    assert len(a_study.warnings) <= 1, a_study.warnings


def test_a_file_that_others_keep_locked_is_not_used(a_study, tmp_path, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs | {"timeout": 0.05})
    )
    fill(DiskStore(tmp_path / "c"), range(3))
    with closing(connect(tmp_path / "c")) as other:
        other.execute("BEGIN IMMEDIATE")
        a_study.assert_goes_on(tmp_path / "c", "database is locked")
        with pytest.raises(OSError, match="cannot be used: database is locked"):
            clear_cache(tmp_path / "c")
    a_study.assert_goes_on(tmp_path / "c", "")


def test_a_disk_without_locks_is_an_error(a_study, tmp_path, monkeypatch):
    def acquire(self, *args, **kwargs):
        raise NotImplementedError("no flock here")

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    a_study.assert_stops(tmp_path / "c", "no flock")


def test_processes_that_are_killed_at_random_leave_right_rows(benchmark):
    """The benchmark, with fewer kills than would prove much."""
    assert all(row["kills"] == 2 for row in benchmark("torture", "--kills", 2)["table"])
