"""Claim: any file and any array becomes a row of numbers, or an error of ours that says where.

Files of six formats in many modes are made and then broken: bits are flipped, bytes are
overwritten, cut out, doubled or exchanged with those of another file, numbers in headers are
made huge, and ends are cut off. Arrays come in unusual types, shapes and memory layouts, and
with values that are not numbers. Each case has a random position in an `X` of intact images that
goes through `ConvFeatureExtractor.transform`. Some cases go through the command line as a
folder. A finding is: an exception that is not ours, a message without the index (and path), a
row that is not finite, a warning that escapes, a case that takes over 5 seconds of processor
time or hangs, a process that dies, or memory that grows by more than 2.5 GiB (30 bytes for each
of the 89 million pixels that an image may have).

The seed names a case. To run one case again, use --seed N --cases 1.
"""

import argparse
import contextlib
import io
import multiprocessing.connection
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from _report import ELSEWHERE, machine, print_table, write_json
from PIL import Image

from sklearn_tl import ImageWarning


def turned():
    """Return EXIF data of a camera that was turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


KINDS = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "AVIF", "array", "command line")
SHARES = (0.13, 0.16, 0.1, 0.18, 0.1, 0.08, 0.06, 0.04, 0.14, 0.01)
SECONDS, HANGS, MEMORY = 5, 60, 5 << 29  # of processor time, of the clock, bytes
MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "RGB;16"),
    "GIF": ("L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "RGB;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "PPM": ("1", "L", "RGB", "RGB;16"),
    "AVIF": ("L", "RGB", "RGBA"),
}
OPTIONS = {
    "JPEG": ({}, {"progressive": True}, {"exif": turned()}),
    "PNG": ({}, {"optimize": True}, {"icc_profile": b"none"}),
    "GIF": ({}, {"interlace": 0}, {"save_all": True, "append_images": True}),
    "TIFF": ({}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}),
    "WEBP": ({}, {"lossless": True}, {"save_all": True, "append_images": True}),
    "BMP": ({},),
    "PPM": ({},),
    "AVIF": ({},),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    seeds = range(args.seed, args.seed + args.cases)
    with tempfile.TemporaryDirectory() as folder:
        results = list(run(seeds, args.jobs, folder))
    counts, slowest = defaultdict(Counter), defaultdict(float)
    for _seed, kind, outcome, seconds in results:
        counts[kind][outcome if outcome in ("row", "error") else "finding"] += 1
        slowest[kind] = max(slowest[kind], seconds)
    findings = sorted((r for r in results if r[2] not in ("row", "error")), key=lambda r: r[0])
    for seed, kind, outcome, seconds in findings:
        print(f"--seed {seed} ({kind}, {seconds:.1f} s): {outcome}")
    print(machine())
    table = [
        [kind, some.total(), some["row"], some["error"], some["finding"], slowest[kind]]
        for kind, some in sorted(counts.items())
    ]
    head = ["kind", "cases", "rows", "our errors", "findings", "slowest, s"]
    print_table(head, table)
    write_json(args.json, {"table": [dict(zip(head, row, strict=True)) for row in table]})
    sys.exit(bool(findings))


def run(seeds, n_jobs, folder):
    """Yield (seed, kind, outcome, seconds). Each case runs in a process that is watched."""
    seeds = iter(seeds)

    def start():
        ours, theirs = ELSEWHERE.Pipe()
        process = ELSEWHERE.Process(target=work, args=(theirs, folder), daemon=True)
        process.start()
        theirs.close()
        ours.recv()  # the process is ready
        return process, ours

    workers = [[*start(), None, 0.0] for _ in range(n_jobs)]
    n_busy = 0
    for worker in workers:
        n_busy += give(worker, seeds)
    while n_busy:
        multiprocessing.connection.wait([w[1] for w in workers if w[2] is not None], timeout=0.5)
        for worker in workers:
            process, pipe, seed, begun = worker
            if seed is None:
                continue
            seconds = time.perf_counter() - begun
            if pipe.poll():
                with contextlib.suppress(EOFError):
                    yield pipe.recv()
                    n_busy += give(worker, seeds) - 1
                    continue
            elif seconds < HANGS and process.is_alive():
                continue
            process.kill()
            process.join()
            what = "hung" if seconds >= HANGS else f"died with {process.exitcode}"
            yield seed, kind_of(seed), what, seconds
            worker[:2] = start()
            n_busy += give(worker, seeds) - 1
    for _, pipe, *_ in workers:
        pipe.send(None)


def give(worker, seeds):
    worker[2], worker[3] = next(seeds, None), time.perf_counter()
    if worker[2] is not None:
        worker[1].send(worker[2])
    return worker[2] is not None


def work(pipe, folder):
    """Run one case after another."""
    extractor = tiny_extractor()
    first = {kind_of(seed): seed for seed in reversed(range(1000))}
    for seed in first.values():  # the first case of a kind is slow and keeps memory
        case(seed, extractor, folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipe.send("ready")
    while (seed := pipe.recv()) is not None:
        start, computed = time.perf_counter(), time.process_time()
        outcome = case(seed, extractor, folder)
        seconds, computed = time.perf_counter() - start, time.process_time() - computed
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if computed > SECONDS:  # by the clock, a busy machine would make findings
            outcome = f"took long ({outcome})"
        if 1024 * (grown - peak) > MEMORY:
            outcome, peak = f"took {(grown - peak) / 1024:.0f} MiB ({outcome})", grown
        pipe.send((seed, kind_of(seed), outcome, seconds))


def tiny_extractor():
    import torch
    from torch import nn

    from sklearn_tl import ConvFeatureExtractor

    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    sound = [np.zeros((16, 16, 3), dtype=np.uint8)]
    return ConvFeatureExtractor(network, image_size=16, cache=None).fit(sound)


def kind_of(seed):
    return str(np.random.default_rng(seed).choice(KINDS, p=SHARES))


def case(seed, extractor, folder):
    """Return "row", "error", or a description of the finding."""
    rng, kind = np.random.default_rng(seed), kind_of(seed)
    rng.random()  # which was the kind's
    if kind == "command line":
        return command_line(rng, Path(folder) / f"{os.getpid()}")
    item, name = broken_array(rng) if kind == "array" else broken_file(rng, kind, folder)
    X, place = sound_images(rng), int(rng.integers(3))
    X.insert(place, item)
    wanted = [f"X[{place}]", *([name] if name else [])]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            rows = extractor.transform(X)
        except (ValueError, TypeError, OSError) as error:
            missing = [text for text in wanted if text not in str(error)]
            return f"{type(error).__name__} without {missing}: {error}" if missing else "error"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
    for warning in caught:
        of_metadata = "PIL" in Path(warning.filename).parts
        if not (of_metadata or issubclass(warning.category, ImageWarning)):
            return f"{warning.category.__name__}: {warning.message}"
    if rows.shape == (3, 4) and np.isfinite(rows).all():
        return "row"
    return f"rows of shape {rows.shape}, finite: {np.isfinite(rows).all()}"


def sound_images(rng):
    return list(rng.integers(0, 256, (2, 12, 20, 3), dtype=np.uint8))


def command_line(rng, folder):
    """Run a study on a folder of intact and broken files."""
    from sklearn_tl.cli import main as command

    paths = []
    for i in range(12):
        path = folder / f"class {i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
        paths.append(path)
    for path in paths[:3]:
        path.write_bytes(broken_bytes(rng, str(rng.choice(KINDS[:8]))))
    out, err = io.StringIO(), io.StringIO()
    errors = str(rng.choice(["raise", "skip"]))
    quick = ["--image-size", "32", "--cv", "2", "--strategies", "raw pixels", "embeddings"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = command(["study", str(folder), *quick, "--errors", errors])
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
    if "Traceback" in err.getvalue() or status not in (0, 1):
        return f"status {status}: {err.getvalue()}"
    if status == 1 and "png" not in err.getvalue():
        return f"an error without a path: {err.getvalue()}"
    return "error" if status else "row"


def broken_file(rng, kind, folder):
    """Write a broken file; return its path twice."""
    suffix = str(rng.choice([kind.lower(), "jpg", "dat"]))
    path = os.path.join(folder, f"{os.getpid()}.{suffix}")
    Path(path).write_bytes(broken_bytes(rng, kind))
    return path, path


def broken_bytes(rng, kind):
    data = bytearray(whole_file(rng, kind))
    for _ in range(int(rng.integers(4))):
        if len(data) < 8:
            break
        at = int(
            rng.integers(len(data)) if rng.random() < 0.5 else rng.integers(min(64, len(data)))
        )
        n = int(rng.integers(1, 9))
        match int(rng.integers(9)):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at : at + n] = rng.bytes(n)
            case 2:  # a number in a header
                value = int(rng.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
                data[at : at + 4] = value.to_bytes(4, str(rng.choice(["big", "little"])))
            case 3:
                del data[at:]
            case 4:
                del data[at : at + 8 * n]
            case 5:
                data[at:at] = data[at : at + 8 * n]
            case 6:
                other = whole_file(rng, str(rng.choice(KINDS[:8])))
                data[at:] = other[at:]
            case 7:
                data[at : at + n] = b"\0" * n
            case 8:
                data += rng.bytes(100)
    return bytes(data)


def whole_file(rng, kind):
    """Return an intact file of the format, in one of its modes."""
    mode = str(rng.choice(MODES[kind]))
    height, width = (int(side) for side in rng.integers(1, 40, 2))
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if mode == "RGB;16":
        return deep_file(rng, kind, pixels.astype(np.uint16) * 251)
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
    else:
        image = Image.fromarray(pixels).convert(mode)
    options = dict(OPTIONS[kind][rng.integers(len(OPTIONS[kind]))])
    if options.get("append_images"):
        options["append_images"] = [image, image]
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep_file(rng, kind, levels):
    """Return an intact file of 16 bits in colour, which PIL cannot write."""
    if kind == "PNG":
        return imagecodecs.png_encode(levels)
    height, width, _ = levels.shape
    if kind == "PPM":
        return f"P6 {width} {height} 65535\n".encode() + levels.astype(">u2").tobytes()
    options = [{}, {"compression": "lzw"}, {"tile": (16, 16)}, {"rowsperstrip": 3}]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, levels, photometric="rgb", **options[rng.integers(4)])
    return buffer.getvalue()


def broken_array(rng):
    """Return an array or something similar, and None because it has no path."""
    shapes = [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4), (3, 9, 7), (9,), (), (0, 7, 3), (9, 7, 5),
              (1, 1, 3), (2, 9, 7, 3), (3000, 1, 3), (9, 0)]  # fmt: skip
    dtypes = ["u1", "u2", ">u2", "i1", "i4", "i8", "u8", "f2", "f4", ">f8", "?", "c8", "O", "U3",
              "S2", "M8[s]", "V4", "f16"]  # fmt: skip
    shape = shapes[rng.integers(len(shapes))]
    dtype = np.dtype(dtypes[rng.integers(len(dtypes))])
    levels = rng.integers(0, 256, shape)
    with np.errstate(all="ignore"):
        if dtype.kind == "V":
            array = np.zeros(shape, dtype=dtype)
        elif dtype.kind in "fc" and rng.random() < 0.6:
            array = (np.asarray(levels) / 255).astype(dtype)
        else:
            array = np.asarray(levels).astype(dtype)
        if array.size and array.dtype.kind in "fc" and rng.random() < 0.4:
            array.flat[0] = rng.choice([np.nan, np.inf, -np.inf, -1, 1e30, 1e-40])
        elif array.size and array.dtype.kind in "iu" and rng.random() < 0.3:
            array.flat[0] = np.iinfo(array.dtype).max
    match int(rng.integers(7)):
        case 0:
            array = array[::-1] if array.ndim else array
        case 1:
            array = np.asfortranarray(array)
        case 2:
            array = np.array(array)
            array.flags.writeable = False
        case 3:
            return array.tolist(), None
        case 4 if array.dtype.kind in "uif":
            return np.ma.masked_array(array, mask=rng.random(shape) < 0.1), None
        case 5:
            odd = [None, 3, 2.5, {}, b"bytes", "", "\0", (), [], [[1, 2], [3]], object(), set()]
            return odd[rng.integers(len(odd))], None
    return array, None


if __name__ == "__main__":
    main()
