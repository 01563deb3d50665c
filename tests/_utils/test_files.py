import errno
import os
import tempfile

import numpy as np
import pytest
from helpers.disks import full_after, small_disk
from helpers.processes import elsewhere
from numpy.testing import assert_array_equal

from sklearn_tl._utils import array_in_file, replacing


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    """Let temporary files be made in an empty folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_file_is_replaced_when_its_successor_is_complete(tmp_path):
    path = tmp_path / "model"
    path.write_text("old")
    with replacing(path) as part:
        assert part.parent == tmp_path
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_that_is_not_completed_leaves_the_old_one_and_no_trace(error, tmp_path):
    path = tmp_path / "model"
    path.write_text("old")

    def stop_half_way():
        with replacing(path) as part:
            part.write_text("ne")
            raise error

    with pytest.raises(error):
        stop_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_a_folder_that_does_not_exist_is_an_error_before_any_work(tmp_path):
    begun = []
    with (
        pytest.raises(FileNotFoundError, match="none' does not exist. Create the folder first"),
        replacing(tmp_path / "none" / "model"),
    ):
        begun.append(1)
    assert not begun


def test_an_array_in_a_file_is_an_array_of_zeros_without_a_trace(temporary_folder):
    array = array_in_file((300, 70))
    assert type(array) is np.ndarray
    assert (array.shape, array.dtype) == ((300, 70), np.float32)
    assert array.flags.c_contiguous
    assert not array.any()
    array[:] = np.arange(21_000).reshape(300, 70)
    assert_array_equal(array.ravel(), np.arange(21_000))
    if os.name != "nt":
        assert os.listdir(temporary_folder) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="has no posix_fallocate")
@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
def test_zeros_are_written_if_space_cannot_be_reserved(code, temporary_folder, monkeypatch):
    def fallocate(descriptor, offset, length):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    monkeypatch.setattr("sklearn_tl._utils.files._CHUNK", 1000)  # which does not divide the size
    array = array_in_file((300, 7))
    assert array.shape == (300, 7)
    assert not array.any()
    with full_after(5000), pytest.raises(OSError, match="no room for 8.4e-06 GB"):
        array_in_file((300, 7))


@pytest.mark.parametrize("system", ["reserves", "cannot reserve"])
def test_a_full_disk_is_an_error_that_says_what_to_do(system, temporary_folder, monkeypatch):
    def fallocate(descriptor, offset, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if system == "reserves":
        monkeypatch.setattr(os, "posix_fallocate", fallocate, raising=False)
        code = errno.ENOSPC
    else:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        code = errno.EFBIG  # of the limit below
    with full_after(10**6), pytest.raises(OSError, match="temporary folder") as error:
        array_in_file((1000, 1000), "or set a smaller image_size")
    assert error.value.errno == code
    message = str(error.value)
    for part in (str(temporary_folder), "0.004 GB", "GB are free", "TMPDIR", "smaller image_size."):
        assert part in message
    assert os.listdir(temporary_folder) == []


def _fill_an_array_on_a_disk_of_4_mb(folder):
    tempfile.tempdir = str(folder)
    array = array_in_file((500, 1000))
    array[:] = 1
    try:
        array_in_file((1000, 1000))[:] = 1  # which a disk without room would answer with SIGBUS
    except OSError as error:
        return array.sum(), error.errno, str(error)


def test_a_full_disk_does_not_kill_the_process(tmp_path):
    with small_disk(tmp_path, "4m"):
        total, code, message = elsewhere(_fill_an_array_on_a_disk_of_4_mb, tmp_path)
    assert total == 500_000
    assert code == errno.ENOSPC
    assert "0.00219 GB are free" in message
