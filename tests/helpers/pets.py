"""A folder of three classes that their colour tells apart, as users of the command line have it."""

import numpy as np
from PIL import Image

SMALL = ["--image-size", "32"]  # which is enough for colours
FAST = [*SMALL, "--strategies", "embeddings", "--cv", "2"]


def draw_pets(folder, n=8):
    """Write `n` images of each class and return the folder."""
    for channel, name in enumerate(["cat", "dog", "fish"]):
        (folder / name).mkdir(parents=True)
        random = np.random.default_rng(channel)
        for i in range(n):
            coarse = random.integers(0, 128, (5, 6, 3), dtype=np.uint8)
            coarse[..., channel] += 120
            Image.fromarray(coarse).resize((52, 40)).save(folder / name / f"{i}.png")
    return folder


def draw_tables(folder):
    """Write the images of the pets and a table of them, and return the table."""
    draw_pets(folder / "images")
    tags = {"cat": "furry|four legs", "dog": "four legs", "fish": ""}
    rows = ["photo,pet,tags,weight,home"]
    for j, (name, words) in enumerate(tags.items()):
        rows += [f"{name}/{i}.png,{name},{words},{j + 0.5},{i % 4}" for i in range(8)]
    (folder / "pets.csv").write_text("\n".join(rows))
    return folder / "pets.csv"
