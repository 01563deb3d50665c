"""Images that are in a data set more than once, so that they must not be on both sides of a split.

The room hands out `find_duplicates`, which takes images; `duplicates_in`, which takes the rows and
pixels of images that others have computed; and the result of both, `Duplicates`.
"""

from sklearn_tl.duplicates.arrays import duplicates_in
from sklearn_tl.duplicates.find import find_duplicates
from sklearn_tl.duplicates.result import Duplicates

__all__ = ["Duplicates", "duplicates_in", "find_duplicates"]
