"""A folder of class folders, for the command line: what is in it, and what cannot be read."""

import os
import shlex
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from sklearn_tl._utils import tqdm
from sklearn_tl.images import as_images

EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp")
NO_CLASSES = {"train", "training", "test", "testing", "val", "valid", "validation"}
SMALL = (32, 32)  # pixels of the images that the raw-pixel baseline gets


def find_images(folder):
    """Return a dict of the class folders: name → sorted paths of the image files in it."""
    names = sorted(e.name for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    if names and {name.lower() for name in names} <= NO_CLASSES:
        raise ValueError(
            f"{folder} is divided into {' and '.join(names)}, which are no classes. Name one of "
            f"them: sklearn-tl {shlex.quote(os.path.join(folder, names[-1]))}"
        )
    return {name: files_below(os.path.join(folder, name)) for name in names}


def files_below(folder):
    """Return the sorted paths of the image files in a folder, at any depth."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        names = [name for name in files if name.lower().endswith(EXTENSIONS) and name[0] != "."]
        found += [os.path.join(parent, name) for name in names]
    return sorted(found)


def load(folder, errors):
    """Return the paths, class names and small pixels of a folder, and what was left out.

    What is there is printed. With ``errors="raise"`` an image that cannot be read is an error.
    """
    found = find_images(folder)
    X = [path for paths in found.values() for path in paths]
    y = np.repeat(list(found), [len(paths) for paths in found.values()])
    pixels, problems = read(X) if X else (None, {})
    if problems and errors == "raise":
        i, problem = min(problems.items())
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ValueError(f"image {i} of {len(X)}, {problem}{more} --errors skip leaves such out.")
    counts = Counter(y[i] for i in range(len(X)) if i not in problems)
    few = [name for name in found if counts[name] < 2]
    keep = [i for i in range(len(X)) if i not in problems and y[i] not in few]
    for name in few:
        print(f"Left out: class {name}, which has {counts[name]} of at least 2 images")
    for problem in problems.values():
        print(f"Left out: {problem}")
    classes = [name for name in found if name not in few]
    if len(classes) < 2:
        loose = [name for name in os.listdir(folder) if name.lower().endswith(EXTENSIONS)]
        raise ValueError(
            f"{folder} has {len(classes)} sub-folders with 2 or more images that can be read"
            f"{' (' + classes[0] + ')' if classes else ''}, and {len(loose)} images that lie in no "
            "sub-folder; 2 classes or more are needed. Give each class its own sub-folder: "
            f"{os.path.join(folder, 'cat', '1.jpg')}, {os.path.join(folder, 'dog', '1.jpg')}, ..."
        )
    print(f"{folder}: {summary(y[keep])}")
    return [X[i] for i in keep], y[keep], pixels[keep], list(problems.values())


def read(X):
    """Decode each image once; return them small, as rows, and a dict: position → what is wrong."""
    images = as_images(X)

    def small(i):
        try:
            pixels = images[i]
        except (OSError, ValueError) as error:
            return f"{X[i]} {str(error).removeprefix(f'X[{i}] ({X[i]!r}) ')}"
        if pixels.dtype != np.uint8:
            pixels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
        return np.asarray(Image.fromarray(pixels).resize(SMALL)).ravel()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(small, range(len(X)))
        results = list(tqdm(results, "reading", len(X), unit="image", disable=None))
    problems = {i: result for i, result in enumerate(results) if isinstance(result, str)}
    rows = np.zeros((len(X), 3 * SMALL[0] * SMALL[1]), dtype=np.uint8)
    for i in set(range(len(X))) - set(problems):
        rows[i] = results[i]
    return rows, problems


def summary(y):
    """Say how many classes and images there are."""
    counts = Counter(y).values()
    each = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{min(counts)}"
    return f"{len(counts)} classes, {len(y)} images, {each} a class"
