"""The parameter `cache`, and the functions with which users manage a store."""

import gc
import weakref
from pathlib import Path

import pytest
from helpers.stores import assert_holds, fill, foreign_database, foreign_text

from sklearn_tl import ConvFeatureExtractor, cache_info, clear_cache, limit_cache
from sklearn_tl._utils import memory
from sklearn_tl.cache import open_store
from sklearn_tl.cache.store import NoStore


def test_the_parameter_cache_names_a_store(tmp_path, monkeypatch):
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


def test_a_store_that_does_not_exist_is_not_created(tmp_path):
    path = tmp_path / "none" / "rows.sqlite"
    assert cache_info(path) == (0, 0, None, str(path))
    clear_cache(path)
    assert list(tmp_path.iterdir()) == []
    for function in (cache_info, lambda cache: limit_cache(cache, 1)):
        with pytest.raises(TypeError, match="stores nothing"):
            function(None)


def test_cache_info_counts_rows_and_bytes(tmp_path):
    path = tmp_path / "rows.sqlite"
    fill(open_store(path), range(1000))
    size = path.stat().st_size
    assert cache_info(path) == (1000, size, None, str(path))
    clear_cache(path)
    assert cache_info(path).rows == 0
    assert cache_info(path).bytes < size / 2
    fill(open_store("memory"), range(10))
    assert cache_info() == (10, 320, 1 << 30, None)


def test_clear_cache_removes_all_rows(tmp_path):
    path = tmp_path / "deep" / "rows.sqlite"
    keys = fill(open_store(path), range(3))
    assert_holds(open_store(path), keys)
    clear_cache(path)
    assert open_store(path).get_many(keys) == {}


def test_cache_info_changes_no_file(tmp_path):
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


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (-1, ValueError), (1e9, TypeError), ("1G", TypeError)]
)
def test_a_limit_is_a_positive_integer(wrong, error, tmp_path):
    with pytest.raises(error, match="max_bytes="):
        limit_cache(tmp_path / "c.sqlite", wrong)
    assert list(tmp_path.iterdir()) == []


def test_clear_cache_frees_what_the_process_keeps(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "_releases", [lambda: calls.append("released")])
    clear_cache(tmp_path / "c.sqlite")  # a file has nothing to do with networks in memory
    assert calls == []
    clear_cache()
    assert calls == ["released"]


def test_clear_cache_frees_a_network_that_no_estimator_holds(make_images):
    X = make_images(2)
    extractor = ConvFeatureExtractor("efficientnet_lite0", image_size=32).fit(X)
    rows = extractor.transform(X)  # with a compiled network
    network = weakref.ref(extractor.frozen_pass().backbone.module)
    clear_cache()
    gc.collect()
    assert network() is not None  # of the estimator above
    assert (extractor.transform(X) == rows).all()
    del extractor
    clear_cache()
    gc.collect()
    assert network() is None
    again = ConvFeatureExtractor("efficientnet_lite0", image_size=32).fit_transform(X)
    assert (again == rows).all()  # of the same network, loaded again
