"""Groups from the names of files, and from the times at which they were taken."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sklearn_tl.datasets import groups_from_names, groups_from_times

SCHEMES = [
    (r"(.*)_\d+\.ppm", ["a/00000_00000.ppm", "a/00000_00029.ppm", "b/00000_00000.ppm"], [0, 0, 1]),
    (
        r"(IMG_\d+_\d+)_BURST",
        [
            "IMG_20240131_142530_BURST001.jpg",
            "IMG_20240131_142530_BURST2.jpg",
            "IMG_1_2_BURST1.jpg",
        ],
        [0, 0, 1],
    ),
    (r"(patient\d+)", ["x/patient012_slice4.png", "y/patient012.png", "patient2_a.png"], [0, 0, 1]),
    (r"([^/]+)/[^/]+$", ["cat/tom/1.png", "cat/tom/2.png", "cat/kitty/1.png"], [0, 0, 1]),
    (r"day(\d+)_cam(\d)", ["day1_cam1_0.jpg", "day1_cam2_0.jpg", "day1_cam1_9.jpg"], [0, 1, 0]),
    (r"^(.*?)( \(\d+\))?\.", ["leaf.jpg", "leaf (2).jpg", "stem.jpg"], None),
]


@pytest.mark.parametrize(("pattern", "paths", "expected"), SCHEMES)
def test_real_schemes_of_names_have_patterns(pattern, paths, expected):
    groups = groups_from_names(paths, pattern)
    codes = np.unique(groups, return_inverse=True)[1]
    if expected is None:  # an optional part is a part of the group's name, too
        assert len(set(codes)) == 3
        groups = groups_from_names(paths, r"^(.*?)(?: \(\d+\))?\.")
        codes, expected = np.unique(groups, return_inverse=True)[1], [0, 0, 1]
    same = np.equal.outer(codes, codes)
    np.testing.assert_array_equal(same, np.equal.outer(expected, expected))


def test_a_function_may_return_anything():
    paths = [Path("a_1.png"), "a_2.png", "b_1.png"]
    assert groups_from_names(paths, lambda path: (path[0], 1)).tolist() == [
        ("a", 1), ("a", 1), ("b", 1),
    ]  # fmt: skip


def test_wrong_patterns_say_what_is_wrong():
    paths = ["a_1.png", "b.png", "c.png", "d.png", "e.png"]
    for pattern, message in [
        ("(a", r"'\(a' is not a regular expression"),
        (r"a_\d", "has no parentheses"),
        (r"(.)_\d", r"is not in 4 of the 5 paths: b.png, c.png, d.png and 1 more"),
    ]:
        with pytest.raises(ValueError, match=message):
            groups_from_names(paths, pattern)


def photograph(path, time=None, camera="A", fraction=None):
    exif = Image.Exif()
    exif[0x0110] = camera
    details = exif.get_ifd(0x8769)
    if time is not None:
        details[0x9003] = time
    if fraction is not None:
        details[0x9291] = fraction
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    return str(path)


def test_photographs_shortly_after_each_other_are_a_group(tmp_path):
    day = "2026:05:01 12:00:"
    taken = [
        ("c", day + "19"), ("a", day + "01"), ("b", day + "10"), ("late", day + "40"),
        ("other", day + "02", "B"), ("none", None), ("bad", "0000:00:00 00:00:00"),
    ]  # fmt: skip
    paths = [photograph(tmp_path / f"{name}.jpg", *details) for name, *details in taken]
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    groups = groups_from_times([*paths, tmp_path / "broken.jpg"], seconds=9)
    # a, b and c are a chain: each was taken nine seconds after the one before.
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups.tolist())) == 6
    assert len(set(groups_from_times(paths[:3], seconds=8).tolist())) == 3


def test_parts_of_a_second_count(tmp_path):
    time = "2026:05:01 12:00:00"
    paths = [
        photograph(tmp_path / f"{fraction}.jpg", time, fraction=fraction)
        for fraction in ("05", "20", "90")
    ]
    assert groups_from_times(paths, seconds=0.2).tolist() == [0, 0, 1]


def test_wrong_times_are_errors(tmp_path):
    path = photograph(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="None of the 1 files has a time in its EXIF data"):
        groups_from_times([path])
    with pytest.raises(ValueError, match="seconds=-1 must be"):
        groups_from_times([path], seconds=-1)
