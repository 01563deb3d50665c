"""The stores: what goes in comes out, whoever else writes, dies or leaves rubbish there."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import TinyNet
from numpy.testing import assert_array_equal

import sklearn_tl
from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.cache import DiskStore, MemoryStore, NoStore, open_store
from sklearn_tl.embedding import FrozenPass


def row_of(key):
    return np.frombuffer(key[-8:], dtype=np.uint8).astype(np.float32)  # 32 bytes


def key_of(i):
    return i.to_bytes(32, "big")


def fill(store, numbers):
    keys = [key_of(i) for i in numbers]
    store.put_many(keys, [row_of(key) for key in keys])
    return keys


def assert_holds(store, keys):
    found = store.get_many(keys)
    assert set(found) == set(keys)
    for key in keys:
        np.testing.assert_array_equal(found[key], row_of(key))


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
        sklearn_tl.clear_cache(None)


def test_clear_cache(tmp_path):
    path = tmp_path / "deep" / "rows.sqlite"
    keys = fill(open_store(path), range(3))
    assert_holds(open_store(path), keys)
    sklearn_tl.clear_cache(path)
    assert open_store(path).get_many(keys) == {}


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_cache import fill
from sklearn_tl.cache import DiskStore
store = DiskStore(sys.argv[1])
for start in range(int(sys.argv[2]), int(sys.argv[3]), 32):
    fill(store, range(start, start + 32))
    print(start, flush=True)
"""


def start_writer(path, first, last):
    code = WRITER.format(tests=os.path.dirname(__file__))
    command = [sys.executable, "-c", code, str(path), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "c.sqlite"
    writers = [start_writer(path, 0, 1600), start_writer(path, 800, 2400)]  # they overlap
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert_holds(DiskStore(path), [key_of(i) for i in range(2400)])


def test_killed_writer_loses_at_most_its_batch(tmp_path):
    path = tmp_path / "c.sqlite"
    writer = start_writer(path, 0, 10**9)
    written = [int(writer.stdout.readline()) for _ in range(20)]
    time.sleep(0.005)
    writer.send_signal(signal.SIGKILL)
    rest = writer.communicate()[0]
    written += [int(line) for line in rest.splitlines() if line]
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


def other_version(path):
    fill(DiskStore(path), range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


def lost_table(path):
    fill(DiskStore(path), range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE rows")
    connection.close()


@pytest.mark.parametrize(
    "spoil", [lost_table, foreign_text, foreign_database, truncated, torn_page, other_version]
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
