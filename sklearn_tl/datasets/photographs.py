"""Small real images from installed packages, for a first study without a download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch

ROWS, COLUMNS = 3, 6  # of patches in each half of a photograph
SHARE = 5  # a patch is 1/5 as high as its photograph
SIZE = 96  # the side in pixels of the patches that are returned

# name → (package, file in the package, source and licence as the package states them)
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png", "Eileen Collins; NASA, public domain"),
    "brick": ("skimage", "data/brick.png", "CC0Textures, CC0"),
    "camera": ("skimage", "data/camera.png", "Lav Varshney, CC0"),
    "chelsea": ("skimage", "data/chelsea.png", "a cat; Stefan van der Walt, CC0"),
    "china": ("sklearn", "datasets/images/china.jpg", "danielbuechele on flickr, CC BY 2.0"),
    "coffee": ("skimage", "data/coffee.png", "Rachel Michetti, Pikolo Espresso Bar, CC0"),
    "coins": ("skimage", "data/coins.png", "Brooklyn Museum, no known copyright restrictions"),
    "flower": ("sklearn", "datasets/images/flower.jpg", "vultilion on flickr, CC BY 2.0"),
    "grass": ("skimage", "data/grass.png", "linolafett on DeviantArt, CC0"),
    "gravel": ("skimage", "data/gravel.png", "CC0Textures, CC0"),
    "hubble_deep_field": ("skimage", "data/hubble_deep_field.jpg", "NASA, public domain"),
    "immunohistochemistry": (
        "skimage",
        "data/ihc.png",
        "colonic glands; Center for Microscopy and Molecular Imaging, no known copyright "
        "restrictions",
    ),
    "retina": ("skimage", "data/retina.jpg", "Mikael Häggström, CC0"),
    "rocket": ("skimage", "data/rocket.jpg", "DSCOVR on Falcon 9; SpaceX, public domain"),
}

DESCR = """.. _photo_patches:

Patches of photographs
----------------------

**Characteristics**

=================  =============================================
Classes            {n_classes}, one per photograph
Patches per class  {n_half} to train on, {n_half} to test on
Patches in all     {n_patches}
Form               {size} x {size} x 3, uint8; grey ones as RGB
=================  =============================================

The upper half of each photograph gives {n_half} patches to train on, and the lower half gives
{n_half} patches to test on. They are squares in {rows} rows and {columns} columns, spread evenly
over the half. The side of a square is 1/{share} of the height of the photograph, and is scaled to
{size} pixels. Neighbours in a half overlap by up to a quarter. No training patch overlaps a test
patch, and the two halves show different things.

The task is to tell which photograph a patch is from. It is easy for textures (brick, grass,
gravel), and hard if the halves have little in common (camera, china, astronaut).

**Sources and licences**, as stated by the packages that contain the photographs

{sources}
"""


def load_photo_patches(*, return_X_y: bool = False) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load patches of the 14 photographs that come with scikit-image and scikit-learn.

    Each photograph is one class. The patches of its upper half are for training, and those of its
    lower half for testing. No training patch overlaps a test patch. Nothing is downloaded and
    nothing is random.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        A dictionary with the attributes

        images : ndarray of shape (504, 96, 96, 3), dtype uint8
            The patches, photograph by photograph, and row by row from the top.
        target : ndarray of shape (504,), dtype int64
            For each patch the index of its photograph in `target_names`.
        target_names : ndarray of shape (14,), dtype object
            The names of the photographs.
        train : ndarray of shape (504,), dtype bool
            True for the patches to train on, False for those to test on.
        boxes : ndarray of shape (504, 4), dtype int64
            The position of each patch in its photograph, in pixels: left, top, right, bottom.
            The right column and the bottom row are not part of the patch.
        DESCR : str
            How the patches were made, and the sources and licences of the photographs.
    (images, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    FileNotFoundError
        If scikit-image is installed without its photographs.

    See Also
    --------
    sklearn.datasets.load_sample_images : Load two of the photographs as a whole.

    Examples
    --------
    >>> from sklearn_tl.datasets import load_photo_patches
    >>> data = load_photo_patches()
    >>> data.images[data.train].shape
    (252, 96, 96, 3)
    >>> data.target_names[data.target[0]]
    'astronaut'
    """
    cut = [_cut(_open(package, file)) for package, file, _ in PHOTOGRAPHS.values()]
    images = np.concatenate([patches for patches, _ in cut])
    n_half = ROWS * COLUMNS
    target = np.repeat(np.arange(len(cut)), 2 * n_half)
    if return_X_y:
        return images, target
    return Bunch(
        images=images,
        target=target,
        target_names=np.array(list(PHOTOGRAPHS), dtype=object),
        train=np.tile(np.repeat([True, False], n_half), len(cut)),
        boxes=np.concatenate([boxes for _, boxes in cut]),
        DESCR=DESCR.format(
            n_classes=len(cut),
            n_half=n_half,
            n_patches=len(images),
            rows=ROWS,
            columns=COLUMNS,
            share=SHARE,
            size=SIZE,
            sources="\n".join(f"- {n}: {s} ({p})" for n, (p, _, s) in PHOTOGRAPHS.items()),
        ),
    )


def _open(package: str, file: str) -> Image.Image:
    spec = find_spec(package)  # skimage.data needs pooch, and imports much more
    if spec is None or spec.origin is None:
        raise ImportError(
            f"load_photo_patches reads photographs of {package}, which is not installed. Install "
            "it: pip install scikit-image."
        )
    path = Path(spec.origin).parent / file
    try:
        with Image.open(path) as photograph:
            return photograph.convert("RGB")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{package} is installed without its photograph {str(path)!r}. The packages of some "
            "Linux distributions leave the photographs out. Install it from PyPI: pip "
            "install scikit-image."
        ) from error


def _cut(photograph: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the patches of one photograph, and their boxes in it."""
    width, height = photograph.size
    side, half = height // SHARE, height // 2
    upper = np.linspace(0, half - side, ROWS).astype(int)
    columns = np.linspace(0, width - side, COLUMNS).astype(int)
    boxes = [
        (left, top, left + side, top + side)
        for top in (*upper, *(upper + height - half))
        for left in columns
    ]
    # Each patch is cut before it is scaled. Otherwise the pixels around it would blend into it.
    patches = [
        np.asarray(photograph.crop(box).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        for box in boxes
    ]
    return np.stack(patches), np.array(boxes)
