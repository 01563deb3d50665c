"""A folder of images in three colours, and what starts a session with a tiny network."""

import numpy as np
import pytest
from PIL import Image

from sklearn_tl import ConvFeatureExtractor
from sklearn_tl.annotation import LabellingSession

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200)}


@pytest.fixture
def photos(tmp_path):
    """Return a folder of 60 images. The name of an image says its colour."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(60):
        name = list(COLOURS)[i % 3]
        pixels = rng.normal(COLOURS[name], 25, (24, 24, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02} {name}.png")
    return folder


@pytest.fixture
def begin(photos, tiny):
    """Return a function that makes a session of the folder, which is not started yet."""

    def session(*args, **kwargs):
        extractor = ConvFeatureExtractor(tiny, image_size=24)
        return LabellingSession(photos, *args, extractor=extractor, **kwargs)

    return session


@pytest.fixture
def started(begin):
    """Return a session that has embedded all images."""
    with begin() as session:
        assert session.embedder.wait(60)
        yield session


@pytest.fixture
def colour_of():
    """Return a function that gives the right label of an image."""
    return lambda session, image: session.names[image].split()[1].removesuffix(".png")
