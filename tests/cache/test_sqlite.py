"""A cache file gives right rows, whoever else writes, dies or leaves something there."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing, suppress
from pathlib import Path

import pytest
from helpers.stores import (
    assert_holds,
    assert_right,
    fill,
    foreign_database,
    foreign_text,
    key_of,
    row_of,
    set_version,
    start_writer,
)

from sklearn_tl import cache_info, clear_cache, limit_cache
from sklearn_tl.cache.sqlite import DiskStore


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "c.sqlite"
    writers = [start_writer(path, 0, 1600), start_writer(path, 800, 2400)]  # they overlap
    for writer, _ in writers:
        writer.join()
        assert writer.exitcode == 0
    assert_holds(DiskStore(path), [key_of(i) for i in range(2400)])


def test_a_killed_writer_loses_at_most_its_batch(tmp_path):
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


def test_a_transaction_whose_process_is_killed_leaves_nothing(tmp_path):
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


def truncated(path):
    fill(DiskStore(path), range(500))
    os.truncate(path, 20_000)


def torn_page(path):
    fill(DiskStore(path), range(500))
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 3)


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
def test_an_unusable_file_is_set_aside(spoil, tmp_path):
    path = tmp_path / "c.sqlite"
    spoil(path)
    before = path.read_bytes()
    store = DiskStore(path)
    with pytest.warns(UserWarning, match="set aside as"):
        store.get_many([key_of(i) for i in range(500)])
    assert_holds(store, fill(store, range(40)))
    (aside,) = (p for p in tmp_path.glob("*set-aside*") if not p.name.endswith(("-wal", "-shm")))
    assert aside.read_bytes() == before


def test_an_unusable_file_is_set_aside_when_rows_are_written(tmp_path):
    path = tmp_path / "c.sqlite"
    foreign_text(path)
    with pytest.warns(UserWarning, match="set aside as"):
        keys = fill(DiskStore(path), range(5))
    assert_holds(DiskStore(path), keys)


def test_a_changed_row_is_not_returned(tmp_path):
    path = tmp_path / "c.sqlite"
    keys = fill(DiskStore(path), range(3))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET row = zeroblob(32) WHERE key = ?", (keys[1],))
    connection.close()
    store = DiskStore(path)
    assert set(store.get_many(keys)) == {keys[0], keys[2]}
    assert_holds(store, fill(store, range(3)))  # and is replaced


def test_a_path_that_cannot_be_used_is_an_error_that_says_what_to_set(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match='cannot be used.*cache="memory"'):
        DiskStore(tmp_path / "file" / "c.sqlite").get_many([b"k"])
    with pytest.raises(OSError, match='cache="memory"'):
        DiskStore("/proc/c.sqlite").get_many([b"k"])


def test_a_file_that_was_set_aside_is_never_overwritten(tmp_path):
    for n in (1, 2, 3):
        (tmp_path / "c").write_text(f"my notes, part {n}\n" * 100)
        with pytest.warns(UserWarning, match=f"set-aside-{n}'"):
            fill(DiskStore(tmp_path / "c"), range(3))
    assert len(list(tmp_path.glob("c.set-aside-*"))) == 3


def test_a_new_file_that_is_damaged_too_is_set_aside(tmp_path, monkeypatch):
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
def test_a_damaged_file_never_returns_a_wrong_row(seed, limit, tmp_path):
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
def test_a_damaged_log_never_returns_a_wrong_row(seed, tmp_path):
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
