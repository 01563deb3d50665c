"""Claim: copies are found whatever was done to them, different photographs are not, in seconds.

- copies: photographs of flowers (`--data`/flowers) that were changed in ten ways, and how many of
  them are found among all photographs. The pairs that are found among the photographs themselves
  are drawn on a sheet with `--sheet`, to be judged by eye: 58 are equal files.
- time: the search among 720 photographs beside the network's pass, and among 20,000 made rows of
  which one in five is a copy.
- sequences: links between neighbours among traffic signs (`--data`/signs), whose names tell the
  tracks; and in sets without sequences.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
from _report import ELSEWHERE, machine, print_table, write_json
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

N_ROWS, N_FEATURES = 20_000, 1280


def encoded(image, suffix="JPEG", **options):
    """Return the bytes of an image file."""
    file = io.BytesIO()
    image.save(file, suffix, **({"quality": 90} | options if suffix == "JPEG" else options))
    return file.getvalue()


def turned_by_exif(image, rng):
    """Return a file that is stored on its side and says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image.rotate(90, expand=True), exif=exif)


def with_caption(image, rng):
    """Return a file with white text on a black bar."""
    image = image.copy()
    draw, (width, height) = ImageDraw.Draw(image), image.size
    draw.rectangle((0, height - height // 10, width, height), fill=(0, 0, 0))
    draw.text((width // 20, height - height // 12), "Photo 2019, all rights reserved", "white")
    return encoded(image)


def cropped(share):
    """Return a function that keeps a random part with a share of the width and of the height."""

    def crop(image, rng):
        width, height = (round(n * share) for n in image.size)
        left = int(rng.integers(image.width - width + 1))
        top = int(rng.integers(image.height - height + 1))
        return encoded(image.crop((left, top, left + width, top + height)))

    return crop


def brightened(factor):
    """Return a function that multiplies the levels."""
    return lambda image, rng: encoded(ImageEnhance.Brightness(image).enhance(factor))


KINDS = {
    "saved as PNG": lambda image, rng: encoded(image, "PNG"),
    "saved as JPEG of quality 30": lambda image, rng: encoded(image, quality=30),
    "half size": lambda image, rng: encoded(image.resize([n // 2 for n in image.size])),
    "mirrored": lambda image, rng: encoded(ImageOps.mirror(image)),
    "turned, with EXIF": turned_by_exif,
    "greyscale": lambda image, rng: encoded(image.convert("L")),
    "20 % brighter": brightened(1.2),
    "20 % darker": brightened(0.8),
    "caption": with_caption,
    "crop to 90 %": cropped(0.9),
    "crop to 80 %": cropped(0.8),
}


def recalls(paths, n_copies, cache):
    """Return kind → the share of changed copies that are in the group of their original."""
    from sklearn_tl.duplicates import find_duplicates

    chosen = np.random.default_rng(0).choice(len(paths), n_copies, replace=False)
    shares = {}
    for name, change in KINDS.items():
        rng = np.random.default_rng(1)
        copies = []
        for i in chosen:
            with Image.open(paths[i]) as image:
                copies.append(change(image.convert("RGB"), rng))
        found = find_duplicates([*paths, *copies], cache=cache)
        shares[name] = float(np.mean(found.groups[chosen] == found.groups[len(paths) :]))
    return shares


def draw_sheet(paths, duplicates, file, side=112, columns=8):
    """Save pairs of photographs side by side, with their similarity."""
    n_rows = -(-len(duplicates.pairs) // columns)
    sheet = Image.new("RGB", (columns * (2 * side + 8), n_rows * (side + 14)), "white")
    draw = ImageDraw.Draw(sheet)
    for n, (pair, score) in enumerate(zip(duplicates.pairs, duplicates.similarity, strict=True)):
        left, top = n % columns * (2 * side + 8), n // columns * (side + 14)
        draw.text((left, top), f"{score:.3f}", "black")
        for k, i in enumerate(pair):
            with Image.open(paths[i]) as image:
                sheet.paste(image.convert("RGB").resize((side, side)), (left + k * side, top + 12))
    sheet.save(file)


def search_made_rows():
    """Search 20,000 made rows; return the seconds, the memory and the share of copies found."""
    import resource

    from sklearn_tl.duplicates import duplicates_in

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(N_ROWS, N_FEATURES)).astype(np.float32)
    small = (rng.random((N_ROWS, 8, 8)) * 255).astype(np.uint8)
    pixels = np.stack([Image.fromarray(s).resize((32, 32), Image.BICUBIC) for s in small])
    pixels = pixels.reshape(N_ROWS, -1).astype(np.float32).repeat(3, axis=1) / 255
    n = N_ROWS // 5
    rows[-n:] = rows[:n] + 0.2 * rng.normal(size=(n, N_FEATURES))
    pixels[-n:] = 0.9 * pixels[:n] + 0.05 * rng.random((n, pixels.shape[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    groups = duplicates_in(rows, pixels).groups
    seconds = time.perf_counter() - start
    mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024  # of Linux
    return seconds, mib, float(np.mean(groups[:n] == groups[-n:]))


def sequences_of_signs(data, cache):
    """Return how links between neighbours agree with the tracks that the names tell."""
    from sklearn_tl.datasets import load_folder
    from sklearn_tl.duplicates import find_duplicates

    paths = [str(path) for path in load_folder(data / "signs").paths]
    links = find_duplicates(paths, cache=cache)
    # TTTTT_FFFFF: frame F of track T of the class that the folder names.
    track = np.array([path[: -len("_00000.ppm")] for path in paths])
    folder = np.array([str(Path(path).parent) for path in paths])
    neighbours = np.arange(len(paths) - 1)[folder[1:] == folder[:-1]]
    is_same = track[neighbours] == track[neighbours + 1]
    linked = {tuple(sorted(pair)) for pair in links.pairs[links.kinds == "sequence"].tolist()}
    linked |= {tuple(pair) for pair in links.pairs[links.kinds == "copy"].tolist()}
    is_linked = np.array([(i, i + 1) in linked for i in neighbours.tolist()])
    return {
        "neighbours of one track": int(is_same.sum()),
        "of these linked": float(is_linked[is_same].mean()),
        "neighbours of two tracks": int((~is_same).sum()),
        "of these linked, too": float(is_linked[~is_same].mean()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--copies", type=int, default=120, help="of each kind")
    parser.add_argument("--cache", default="memory")
    parser.add_argument("--sheet", type=Path, help="a PNG file to draw the pairs of flowers in")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    # In a process of its own, whose peak memory is that of the search.
    with ELSEWHERE.Pool(1) as pool:
        seconds, mib, recall = pool.apply(search_made_rows)
    figures = {"20,000 rows": {"seconds": seconds, "MiB": mib, "recall": recall}}
    print(f"{N_ROWS:,} rows: {seconds:.1f} s, {mib:.0f} MiB, {recall:.1%} of the copies\n")

    from sklearn_tl.datasets import load_folder
    from sklearn_tl.duplicates import find_duplicates

    flowers = options.data / "flowers"
    paths = [path for part in ("train", "test") for path in load_folder(flowers / part).paths]
    start = time.perf_counter()
    find_duplicates(paths[:720], cache=options.cache)
    first = time.perf_counter() - start
    start = time.perf_counter()
    find_duplicates(paths[:720], cache=options.cache)  # rows come from the cache
    figures["720 photographs"] = {"first": first, "again": time.perf_counter() - start}
    print(
        "720 photographs: {first:.1f} s, again {again:.1f} s".format(**figures["720 photographs"])
    )
    duplicates = find_duplicates(paths, cache=options.cache)
    is_test = np.arange(len(paths)) >= 720
    figures["pairs of flowers"] = len(duplicates.pairs)
    figures["test images with a copy in training"] = len(duplicates.across(~is_test, is_test))
    print(f"\n{duplicates.summary()}")
    print(f"Test images with a copy in training: {len(duplicates.across(~is_test, is_test))}\n")
    if options.sheet is not None:
        draw_sheet(paths, duplicates, options.sheet)

    figures["recall"] = recalls(paths, options.copies, options.cache)
    print_table(("copy", "found"), [(k, f"{v:.1%}") for k, v in figures["recall"].items()])
    figures["sequences"] = sequences_of_signs(options.data, options.cache)
    print()
    print_table(("signs", "figure"), list(figures["sequences"].items()))
    print(machine())
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
