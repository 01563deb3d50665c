"""The formats of files that are read, and how they are recognised."""

from importlib.util import find_spec

from PIL import Image

# The formats that are read, by PIL's names, with the usual endings of file names. PIL has some
# forty more, and each is a parser that a file from a stranger could attack.
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
*_first, _last = FORMATS
FORMAT_NAMES = f"{', '.join(_first)} and {_last}"  # for messages
NUMPY = b"\x93NUMPY"
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")


def sniff(data: bytes) -> str | None:
    """Return the name of a file's format by its first 16 bytes, or None if it is not an image.

    Examples
    --------
    >>> sniff(b"GIF89a" + bytes(10)), sniff(b"# Read me first!")
    ('GIF', None)
    """
    if data.startswith(NUMPY):
        return "NPY"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "HEIF" if brand in HEIF_BRANDS else "AVIF" if brand in AVIF_BRANDS else None
    _load_plugins()
    for name in FORMATS:
        _, accepts = Image.OPEN.get(name, (None, None))
        if accepts is not None and accepts(data[:16]):
            return name
    return None


def missing_package(name: str) -> str | None:
    """Return the package to install for files of this format, or None if they can be read."""
    return "pillow-heif" if name == "HEIF" and find_spec("pillow_heif") is None else None


def _load_plugins() -> None:
    Image.preinit()
    if "TIFF" not in Image.OPEN or "WEBP" not in Image.OPEN:
        Image.init()
