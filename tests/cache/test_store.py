"""The stores: what goes in comes out, whoever else writes, dies or leaves rubbish there."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from helpers.networks import TinyNet
from helpers.processes import ELSEWHERE
from numpy.testing import assert_array_equal

from sklearn_tl import ConvFeatureExtractor, cache_info, clear_cache, limit_cache
from sklearn_tl.cache.sqlite import DiskStore
from sklearn_tl.cache.store import MemoryStore, NoStore, open_store
from sklearn_tl.embedding.frozen_pass import FrozenPass


def row_of(key):
    return np.frombuffer(key[-8:], dtype=np.uint8).astype(np.float32)  # 32 bytes


def key_of(i):
    return i.to_bytes(32, "big")


def fill(store, numbers):
    keys = [key_of(i) for i in numbers]
    store.put_many(keys, [row_of(key) for key in keys])
    return keys


def assert_right(found):
    for key, row in found.items():
        np.testing.assert_array_equal(row, row_of(key))


def assert_holds(store, keys):
    found = store.get_many(keys)
    assert set(found) == set(keys)
    assert_right(found)


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    return MemoryStore(10**6) if request.param == "memory" else DiskStore(tmp_path / "c.sqlite")


def test_what_goes_in_comes_out(store):
    keys = fill(store, range(1200))  # more than one query
    assert_holds(store, keys)
    assert store.get_many([key_of(5000)]) == {}
    assert store.get_many([]) == {}
    store.clear()
    assert store.get_many(keys) == {}
    fill(store, range(3))


def test_memory_keeps_its_bound_and_drops_the_oldest():
    store = MemoryStore(limit=10 * 32)
    keys = fill(store, range(10))
    assert len(store.get_many(keys[:1])) == 1  # now the most recent
    fill(store, range(10, 15))
    assert store.n_bytes == 10 * 32
    assert len(store) == 10
    assert set(store.get_many(keys)) == {keys[0], *keys[6:]}
    fill(store, range(10, 15))  # again: nothing is counted twice
    assert store.n_bytes == 10 * 32


def test_memory_does_not_keep_batches_alive():
    store = MemoryStore(10**6)
    store.put_many([b"k"], np.zeros((64, 8), np.float32)[:1])
    assert store.get_many([b"k"])[b"k"].base is None


def test_threads_share_the_memory():
    store = MemoryStore(limit=100 * 32)

    def work(start):
        for i in range(start, start + 500):
            fill(store, [i])
            store.get_many([key_of(i)])

    threads = [threading.Thread(target=work, args=(1000 * t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.n_bytes == len(store) * 32 == 100 * 32


def test_open_store(tmp_path, monkeypatch):
    assert isinstance(open_store(None), NoStore)
    assert open_store("memory") is open_store("memory")
    assert open_store(tmp_path).path == tmp_path / "sklearn_tl.sqlite"
    assert open_store(f"{tmp_path}/none/").path == tmp_path / "none" / "sklearn_tl.sqlite"
    assert open_store(tmp_path / "new" / "rows.db").path == tmp_path / "new" / "rows.db"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/rows.db").path == tmp_path / "rows.db"
    with pytest.raises(ValueError, match=r'did you mean "memory"\?.*\./memroy'):
        open_store("memroy")
    with pytest.raises(TypeError, match="stores nothing"):
        clear_cache(None)


def test_what_there_is_not_is_not_made(tmp_path):
    path = tmp_path / "none" / "rows.sqlite"
    assert cache_info(path) == (0, 0, None, str(path))
    clear_cache(path)
    assert list(tmp_path.iterdir()) == []
    for function in (cache_info, lambda cache: limit_cache(cache, 1)):
        with pytest.raises(TypeError, match="stores nothing"):
            function(None)


def test_cache_info(tmp_path):
    path = tmp_path / "rows.sqlite"
    fill(open_store(path), range(1000))
    size = path.stat().st_size
    assert cache_info(path) == (1000, size, None, str(path))
    clear_cache(path)
    assert cache_info(path).rows == 0
    assert cache_info(path).bytes < size / 2
    fill(open_store("memory"), range(10))
    assert cache_info() == (10, 320, 1 << 30, None)


def test_clear_cache(tmp_path):
    path = tmp_path / "deep" / "rows.sqlite"
    keys = fill(open_store(path), range(3))
    assert_holds(open_store(path), keys)
    clear_cache(path)
    assert open_store(path).get_many(keys) == {}


def write(path, first, last, report):
    store = DiskStore(path)
    for start in range(first, last, 32):
        fill(store, range(start, start + 32))
        report.send(start)


def start_writer(path, first, last):
    """Return a process that writes, and the end of a pipe where it says what it has written."""
    ours, theirs = ELSEWHERE.Pipe(duplex=False)
    process = ELSEWHERE.Process(target=write, args=(path, first, last, theirs))
    process.start()
    theirs.close()
    return process, ours


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "c.sqlite"
    writers = [start_writer(path, 0, 1600), start_writer(path, 800, 2400)]  # they overlap
    for writer, _ in writers:
        writer.join()
        assert writer.exitcode == 0
    assert_holds(DiskStore(path), [key_of(i) for i in range(2400)])


def test_killed_writer_loses_at_most_its_batch(tmp_path):
    path = tmp_path / "c.sqlite"
    writer, reports = start_writer(path, 0, 10**9)
    written = [reports.recv() for _ in range(20)]
    time.sleep(0.005)
    writer.kill()
    writer.join()
    with suppress(EOFError, OSError):  # the second where it was killed while it reported
        while True:
            written.append(reports.recv())
    store = DiskStore(path)
    keys = [key_of(i) for start in written for i in range(start, start + 32)]
    assert_holds(store, keys)
    assert_holds(store, fill(store, range(10**6, 10**6 + 5)))


def test_killed_inside_a_transaction(tmp_path):
    path = tmp_path / "c.sqlite"
    keys = fill(DiskStore(path), range(5))
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1])\n"
        "c.execute('INSERT INTO rows VALUES (?, ?, 0)', (b'k', b'r' * 10**7))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert_holds(DiskStore(path), keys)
    assert DiskStore(path).get_many([b"k"]) == {}


def foreign_text(path):
    path.write_text("These are my notes, not a cache.\n" * 100)


def foreign_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rows (mine TEXT)")
    connection.close()


def truncated(path):
    fill(DiskStore(path), range(500))
    os.truncate(path, 20_000)


def torn_page(path):
    fill(DiskStore(path), range(500))
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 3)


def set_version(path, version):
    fill(DiskStore(path), range(3))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")


def older_version(path):
    set_version(path, 0)


def lost_table(path):
    fill(DiskStore(path), range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE rows")
    connection.close()


@pytest.mark.parametrize(
    "spoil", [lost_table, foreign_text, foreign_database, truncated, torn_page, older_version]
)
def test_unusable_file_is_set_aside(spoil, tmp_path):
    path = tmp_path / "c.sqlite"
    spoil(path)
    before = path.read_bytes()
    store = DiskStore(path)
    with pytest.warns(UserWarning, match="set aside as"):
        store.get_many([key_of(i) for i in range(500)])
    assert_holds(store, fill(store, range(40)))
    (aside,) = (p for p in tmp_path.glob("*set-aside*") if not p.name.endswith(("-wal", "-shm")))
    assert aside.read_bytes() == before


def test_unusable_file_met_when_writing(tmp_path):
    path = tmp_path / "c.sqlite"
    foreign_text(path)
    with pytest.warns(UserWarning, match="set aside as"):
        keys = fill(DiskStore(path), range(5))
    assert_holds(DiskStore(path), keys)


def test_changed_row_is_not_returned(tmp_path):
    path = tmp_path / "c.sqlite"
    keys = fill(DiskStore(path), range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET row = zeroblob(32) WHERE key = ?", (keys[1],))
    connection.close()
    store = DiskStore(path)
    assert set(store.get_many(keys)) == {keys[0], keys[2]}
    assert_holds(store, fill(store, range(3)))  # and is replaced


def test_path_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match='cannot be used.*cache="memory"'):
        DiskStore(tmp_path / "file" / "c.sqlite").get_many([b"k"])
    with pytest.raises(OSError, match='cache="memory"'):
        DiskStore("/proc/c.sqlite").get_many([b"k"])


def test_what_others_do_meanwhile_is_not_done_again(tmp_path, make_images, monkeypatch):
    X = make_images(640, 8, 8)
    parameters = {"backbone": TinyNet, "image_size": 32, "cache": tmp_path / "cache"}
    sizes, rows, lock = [], FrozenPass.rows, threading.Lock()

    def counting(self, batch):
        sizes.append(len(batch))
        # Its first chunk waits until another has been through all images.
        if lock.acquire(blocking=False):
            ConvFeatureExtractor(**parameters).fit_transform(X)
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "rows", counting)
    got = ConvFeatureExtractor(**parameters).fit_transform(X)
    assert 640 <= sum(sizes) <= 640 + 8 * 32
    assert_array_equal(got, ConvFeatureExtractor(**parameters | {"cache": None}).fit_transform(X))


# --- a limit ------------------------------------------------------------------------------------


def put(store, start, stop, n_features):
    keys = [key_of(i) for i in range(start, stop)]
    store.put_many(keys, np.zeros((len(keys), n_features), np.float32))
    return keys


@pytest.mark.parametrize("n_features", [6, 300, 505, 513, 1012, 1280, 30_000])
def test_file_keeps_its_limit(n_features, tmp_path):
    path, limit = tmp_path / "c.sqlite", 1_000_000
    limit_cache(path, limit)
    store = DiskStore(path)
    n = 3 * limit // (4 * n_features + 100)
    for start in range(0, n, 32):
        keys = put(store, start, start + 32, n_features)
        info = cache_info(path)
        assert info.bytes <= limit
    assert os.path.getsize(path) <= limit
    assert info.limit == limit
    assert info.bytes > limit / 3  # and uses it
    if n_features < 2000:
        assert set(store.get_many(keys)) == set(keys)


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_what_was_used_last_stays(cache, tmp_path):
    cache = tmp_path / "c.sqlite" if cache == "disk" else cache
    try:
        limit_cache(cache, 1_500_000)
        store = open_store(cache)
        first = put(store, 0, 32, 1280)
        old = put(store, 100, 120, 1280)
        for start in range(200, 800, 32):
            assert set(store.get_many(first)) == set(first)
            put(store, start, start + 32, 1280)
        assert store.get_many(old) == {}
    finally:
        limit_cache("memory", 1 << 30)


def test_a_limit_comes_and_goes(tmp_path):
    path = tmp_path / "c.sqlite"
    store = DiskStore(path)
    keys = put(store, 0, 500, 1280)  # without a limit, as version 1 wrote it
    limit_cache(path, 1_000_000)
    assert os.path.getsize(path) <= 1_000_000
    assert 100 < len(store.get_many(keys)) < 200
    assert keys[-1] in store.get_many(keys)
    assert keys[0] not in store.get_many(keys)
    limit_cache(path, 500_000)
    assert os.path.getsize(path) <= 500_000
    clear_cache(path)
    assert cache_info(path)[::2] == (0, 500_000)
    assert len(store.get_many(put(store, 0, 20, 1280))) == 20
    limit_cache(path, None)
    assert cache_info(path).limit is None
    put(store, 0, 500, 1280)
    assert len(store.get_many(keys)) == 500


def test_too_small_a_limit_keeps_nothing(tmp_path):
    path = tmp_path / "c.sqlite"
    limit_cache(path, 1)
    assert DiskStore(path).get_many(fill(DiskStore(path), range(9))) == {}
    for wrong, error in ((0, ValueError), (-1, ValueError), (1e9, TypeError), ("1G", TypeError)):
        with pytest.raises(error, match="max_bytes="):
            limit_cache(path, wrong)


def test_two_processes_keep_one_limit(tmp_path):
    path = tmp_path / "c.sqlite"
    limit_cache(path, 500_000)
    writers = [start_writer(path, 0, 3200), start_writer(path, 1600, 4800)]
    for writer, _ in writers:
        writer.join()
        assert writer.exitcode == 0
    assert os.path.getsize(path) <= 500_000
    keys = [key_of(i) for i in range(4800)]
    assert_right(DiskStore(path).get_many(keys))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows, uses = (f"SELECT key FROM {table} ORDER BY key" for table in ("rows", "uses"))
        assert connection.execute(rows).fetchall() == connection.execute(uses).fetchall()


# --- what can go wrong --------------------------------------------------------------------------


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


@contextmanager
def full_after(n_bytes):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_file_that_cannot_grow(n_jobs, a_study, tmp_path):
    path = tmp_path / "c"
    keys = fill(DiskStore(path), range(600))
    with full_after(path.stat().st_size):
        a_study.assert_goes_on(path, "failed", n_jobs=n_jobs)
        assert_holds(DiskStore(path), keys)
    assert_holds(DiskStore(path), keys)


def test_file_that_cannot_be_begun(a_study, tmp_path):
    with full_after(1000):
        a_study.assert_goes_on(tmp_path / "c", "failed")
    a_study.assert_goes_on(tmp_path / "c", "")
    assert cache_info(tmp_path / "c").rows == 300


def test_full_disk(a_study, tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
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
    finally:
        subprocess.run(["umount", tmp_path], check=True)


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


def test_folder_without_write_permission(a_study, folder):
    with permissions(folder, 0o555):
        a_study.assert_stops(folder / "c", "unable to open")
        a_study.assert_stops(folder / "deep" / "c", "Permission denied")
    assert os.listdir(folder) == []


def test_path_in_a_folder_that_cannot_be_entered(a_study, folder):
    with permissions(folder, 0o000):
        a_study.assert_stops(folder / "c", "unable to open")
        a_study.assert_stops(folder, "unable to open")
        for function in (cache_info, clear_cache):
            with pytest.raises(OSError, match="cannot be used: .*Permission denied"):
                function(folder / "c")


def test_file_that_cannot_be_read(a_study, folder):
    fill(DiskStore(folder / "c"), range(3))
    DiskStore._worked.clear()
    with permissions(folder / "c", 0o000):
        a_study.assert_stops(folder / "c", "unable to open")
    assert cache_info(folder / "c").rows == 3


@pytest.mark.parametrize("limit", [None, 10**7])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_can_only_be_read_serves(what, limit, a_study, folder):
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


def test_damaged_file_in_a_folder_without_write_permission(a_study, folder):
    foreign_text(folder / "c")
    with permissions(folder, 0o555):
        a_study.assert_stops(folder / "c", "Permission denied")
    assert os.listdir(folder) == ["c"]


def test_permission_lost_in_the_middle_of_a_study(a_study, folder):
    a_study.rows(folder / "c", a_study.X[:10])
    with permissions(folder, 0o000):
        a_study.assert_goes_on(folder / "c", "failed")


def test_newer_version_is_left_alone(a_study, tmp_path):
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


def test_asking_changes_nothing(tmp_path):
    for spoil in (foreign_text, foreign_database):
        path = tmp_path / spoil.__name__
        spoil(path)
        before = path.read_bytes()
        with pytest.raises(OSError, match="cannot be used"):
            cache_info(path)
        assert path.read_bytes() == before
        with pytest.warns(UserWarning, match="set aside"):
            clear_cache(path)
        assert Path(f"{path}.set-aside-1").read_bytes() == before
        assert cache_info(path).rows == 0


def test_nothing_set_aside_is_ever_overwritten(tmp_path):
    for n in (1, 2, 3):
        (tmp_path / "c").write_text(f"my notes, part {n}\n" * 100)
        with pytest.warns(UserWarning, match=f"set-aside-{n}'"):
            fill(DiskStore(tmp_path / "c"), range(3))
    assert len(list(tmp_path.glob("c.set-aside-*"))) == 3


def test_new_file_that_is_damaged_as_well(tmp_path, monkeypatch):
    path, set_aside = tmp_path / "c", DiskStore._set_aside

    def and_damage_the_next(store):
        aside = set_aside(store)
        if aside.endswith("-1"):
            foreign_text(path)
        return aside

    monkeypatch.setattr(DiskStore, "_set_aside", and_damage_the_next)
    foreign_text(path)
    with pytest.warns(UserWarning, match="set aside") as record:
        clear_cache(path)
    assert len(record) == len(list(tmp_path.glob("c.set-aside-*"))) == 2
    assert cache_info(path).rows == 0


def test_failure_after_setting_aside_is_no_error_of_sqlite(a_study, tmp_path):
    foreign_text(tmp_path / "c")
    with full_after(1000):
        assert_array_equal(a_study.rows(tmp_path / "c"), a_study.wanted)
    aside, failed = a_study.warnings
    assert "set aside as" in aside
    assert "failed" in failed


def damage(path, seed):
    """Overwrite some of a file, or cut it off."""
    generator, size = random.Random(seed), path.stat().st_size
    kind = seed % 5
    if kind == 0:
        os.truncate(path, generator.randrange(size))
        return
    pages = range(0, size, 4096)
    places = {
        1: [(0, 100)],
        2: [(generator.choice(pages), 4096)],
        3: [(generator.randrange(100), 1)],
        4: [(generator.randrange(size), 1) for _ in range(20)],
    }
    with open(path, "r+b") as file:
        for place, n in places[kind]:
            file.seek(place)
            file.write(generator.randbytes(n))


@pytest.mark.parametrize("limit", [None, 10**7])
@pytest.mark.parametrize("seed", range(40))
def test_damage(seed, limit, tmp_path):
    path = tmp_path / "c.sqlite"
    limit_cache(path, limit)
    keys = fill(DiskStore(path), random.Random(seed).sample(range(10**6), 500))
    damage(path, seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = DiskStore(path)
        assert_right(store.get_many(keys))
        store.put_many(keys, [row_of(key) for key in keys])
        assert_right(store.get_many(keys))
    assert len(caught) <= 1, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("seed", range(10))
def test_damaged_log(seed, tmp_path):
    source, path = tmp_path / "source", tmp_path / "c"
    DiskStore(source).get_many([])
    with closing(sqlite3.connect(source)) as connection:  # which keeps the log from being removed
        connection.execute("SELECT * FROM rows").fetchall()
        keys = fill(DiskStore(source), range(300))
        for suffix in ("", "-wal"):
            shutil.copy(f"{source}{suffix}", f"{path}{suffix}")
    assert_holds(DiskStore(source), keys)
    damage(Path(f"{path}-wal"), seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = DiskStore(path)
        assert_right(store.get_many(keys))
        assert_holds(store, fill(store, range(300)))
    assert len(caught) <= 1


@pytest.mark.parametrize("limit", [None, 10**7])
def test_time_does_not_matter(limit, a_study, tmp_path, monkeypatch):
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
def test_store_removed_in_the_middle_of_a_pass(what, a_study, tmp_path, monkeypatch):
    place, rows = tmp_path / "place", FrozenPass.rows

    def removing(self, batch):
        if place.is_dir() and sum(a_study.network_images) > 100:
            if what == "file":
                (place / "c").unlink(missing_ok=True)
            else:
                shutil.rmtree(place, ignore_errors=True)
            if what == "for good":
                place.touch()
        return rows(self, batch)

    monkeypatch.setattr(FrozenPass, "rows", removing)
    if what == "for good":
        a_study.assert_goes_on(place / "c", "failed")
        return
    assert_array_equal(a_study.rows(place / "c"), a_study.wanted)
    # One where another thread was just writing, for which that is an input/output error.
    assert len(a_study.warnings) <= 1, a_study.warnings


def test_locked_for_too_long(a_study, tmp_path, monkeypatch):
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


def test_disk_without_locks(a_study, tmp_path, monkeypatch):
    def acquire(self, *args, **kwargs):
        raise NotImplementedError("no flock here")

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    a_study.assert_stops(tmp_path / "c", "no flock")


def test_torture(benchmark):
    """The benchmark, with fewer kills than would prove much."""
    assert all(row["kills"] == 3 for row in benchmark("torture", "--kills", 3)["table"])
