"""From files to `X` and `y`: folders of images, tables with paths and targets, built-in images.

`load_folder` takes the names of sub-folders as labels. `load_table` reads a CSV, TSV or Parquet
file with a column of paths and a column of targets. `load_photo_patches` cuts patches of the
photographs that come with scikit-image and scikit-learn. `groups_from_names` and
`groups_from_times` say which images belong together.

For the command line there are also `find_images`, `find_parts`, `find_loose_images`,
`find_files` and `in_words`, which find image files and count the others; `read_table`, which
returns what `load_table` found as a `Table`; `as_labels`, which reads cells as classes;
`is_table`; `without_position`; and `counted`, a number with its noun. They are not public.
"""

from sklearn_tl.datasets.cells import as_labels as as_labels
from sklearn_tl.datasets.checking import Problems as Problems, without_position as without_position
from sklearn_tl.datasets.folders import (
    find_files as find_files,
    find_images as find_images,
    find_loose_images as find_loose_images,
    find_parts as find_parts,
    in_words as in_words,
    load_folder,
)
from sklearn_tl.datasets.grouping import groups_from_names, groups_from_times
from sklearn_tl.datasets.photographs import load_photo_patches
from sklearn_tl.datasets.problems import counted as counted
from sklearn_tl.datasets.table_files import is_table as is_table
from sklearn_tl.datasets.tables import Table as Table, load_table, read_table as read_table

__all__ = [
    "groups_from_names",
    "groups_from_times",
    "load_folder",
    "load_photo_patches",
    "load_table",
]
