"""Names of classes are refused if a table could not hold them, with what to type instead."""

import pytest

from sklearn_tl.annotation.names import class_name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("red\nblue", r"line break.*Type the name on one line: 'red blue'"),
        ("red\u2028blue", "line break"),
        ("a\x00b", "has the character"),
        ("\ud800", "has the character"),
        ("x" * 101, "has 101 characters"),
        ("N/A", "means that there is no value"),
        ("Red", "spelled like the class 'red'"),
        ("light  blue", "spelled like the class 'light blue'"),
        ("=1+1", r"begins with '='.*a formula. Type '1\+1', or another name"),
        ("+red", "begins with"),
        ("-red", "Type 'red'"),
        ("@=", "Type a word"),
        (3, "must be text, got 3"),
    ],
)
def test_a_name_that_cannot_be_used(name, message):
    with pytest.raises(ValueError, match=message):
        class_name(name, ["red", "light blue"])


@pytest.mark.parametrize(
    "name", ["red", "a, b", 'the "big" one', "a;b|c", "être", "3", "a=1", "a-b"]
)
def test_a_name_that_can(name):
    assert class_name(f" {name} ", ["red"]) == name
