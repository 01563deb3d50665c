"""Disks that are full or nearly so."""

import shutil
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def full_after(n_bytes):
    """Let no file of this process grow beyond a size."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder, size):
    """Mount an empty disk on a folder. `size` is written as mount takes it, for example "1m"."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
