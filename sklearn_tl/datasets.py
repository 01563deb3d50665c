"""Small real images that installed packages ship, so that a first study needs no download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.utils import Bunch

ROWS, COLUMNS = 3, 6  # of patches in each half of a photograph
SHARE = 5  # the height of a photograph in sides of a patch
SIZE = 96  # pixels of a patch's side as it is returned

# name → (package, file below it, source and licence as that package states them)
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
Classes            {n_classes}, one a photograph
Patches per class  {n_half} to train on, {n_half} to test on
Patches in all     {n_patches}
Form               {size} x {size} x 3, uint8; grey ones repeated to RGB
=================  =============================================

From the upper half of each photograph {n_half} squares are cut to train on, in {rows} rows and
{columns} columns that are spread evenly over it, and in the same way {n_half} from the lower half
to test on. The side of a square is 1/{share} of the photograph's height, scaled to {size} pixels.
Neighbours within a half overlap by up to a quarter. No training patch overlaps a test patch, and
the two halves show different things.

The task is to tell which photograph a patch is from. It is easy for textures (brick, grass,
gravel), and hard where the halves have little in common (camera, china, astronaut).

**Sources and licences**, as the packages that ship them state them

{sources}
"""


def load_photo_patches(*, return_X_y: bool = False) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load patches of 14 photographs that scikit-image and scikit-learn ship.

    Each photograph is one class. Patches of its upper half are to train on and patches of its
    lower half to test on; no training patch overlaps a test patch. Nothing is downloaded and
    nothing is random.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(images, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        images : ndarray of shape (504, 96, 96, 3), dtype uint8
            The patches: photograph after photograph, row by row from the top.
        target : ndarray of shape (504,), dtype int64
            The index of the photograph in `target_names`.
        target_names : ndarray of shape (14,)
            Names of the photographs.
        train : ndarray of shape (504,), dtype bool
            True for the patches to train on, False for those to test on.
        boxes : ndarray of shape (504, 4), dtype int64
            Where a patch lies in its photograph, in pixels: left, top, right, bottom; right and
            bottom are not part of it.
        DESCR : str
            How the patches were made, with sources and licences.
    (images, target) : tuple of ndarray
        If `return_X_y` is True.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    FileNotFoundError
        If it is installed without its photographs.

    See Also
    --------
    sklearn.datasets.load_sample_images : Two of the photographs, whole.

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


def _open(package, file):
    spec = find_spec(package)  # skimage.data would ask pooch, and imports much more
    if spec is None:
        raise ImportError(
            f"load_photo_patches reads photographs of {package}, which is not installed: "
            "pip install scikit-image."
        )
    path = Path(spec.origin).parent / file
    try:
        with Image.open(path) as photograph:
            return photograph.convert("RGB")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{package} is installed without its photograph {str(path)!r}, which the packages of "
            "some Linux distributions leave out. Install it by pip install scikit-image."
        ) from error


def _cut(photograph):
    """Return the patches of one photograph and where they lie in it."""
    width, height = photograph.size
    side, half = height // SHARE, height // 2
    upper = np.linspace(0, half - side, ROWS).astype(int)
    columns = np.linspace(0, width - side, COLUMNS).astype(int)
    boxes = [
        (left, top, left + side, top + side)
        for top in (*upper, *(upper + height - half))
        for left in columns
    ]
    # Cut first, then scale: the other way round the pixels beyond its edges blend into a patch.
    patches = [
        np.asarray(photograph.crop(box).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        for box in boxes
    ]
    return np.stack(patches), np.array(boxes)
