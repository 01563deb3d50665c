"""One image, in whatever form it came, to (height, width, 3) pixels; errors say where it was."""

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps

from sklearn_tl._utils import is_missing

FORMS = (
    "a list, array or table column of file paths, PIL images or arrays; a numeric array "
    "(n, height, width[, channels]); a torch tensor (n, channels, height, width); or a dataset "
    "whose items are images or (image, label) pairs"
)
CHANNELS = (1, 3, 4)
# PIL knows forty more, each a parser that a file from a stranger could aim at.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
PIECE = 2**17  # pixels that are worked on at a time


def as_array(item, where):
    """Return the numbers of one item that is no path."""
    if isinstance(item, torch.Tensor):
        return _from_tensor(item, where)
    try:
        array = np.asarray(item)
    except ValueError as error:
        raise ValueError(f"{where} is no array of pixels ({error}).") from error
    if array.ndim == 0:
        raise TypeError(
            f"{where} is {item!r:.60}, which is "
            f"{'a missing value' if is_missing(item) else 'no image and no path'}. Leave it out, "
            f"or look whether this is the right column. X should be {FORMS}."
        )
    return _from_objects(array, where) if array.dtype == object else array


def to_pixels(array, value_range, where):
    """Check the numbers of one image and bring them to the form that all images end in."""
    if array.dtype.kind == "c":
        raise ValueError(
            f"{where} has dtype {array.dtype}. Complex data not supported: pass absolute values."
        )
    if array.dtype.kind not in "buif":
        raise TypeError(f"{where} has dtype {array.dtype}, which is no number: {array!r:.60}.")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS):
        hint = (
            " It looks channels first: pass image.transpose(1, 2, 0)."
            if array.ndim == 3 and array.shape[0] in CHANNELS
            else ""
        )
        raise ValueError(
            f"{where} has shape {array.shape}, but an image is (height, width) or (height, width, "
            f"channels) with 1, 3 or 4 channels.{hint}"
        )
    if 0 in array.shape:
        raise ValueError(f"{where} has shape {array.shape}: it holds no pixel. Leave it out.")
    levels = _to_levels(array, value_range, where)
    pixels = np.require(_to_rgb(levels), requirements=["C", "W"])
    # Along one pixel numpy lets the stride of a reversed array be, and torch does not.
    return pixels.copy() if min(pixels.strides) < 0 else pixels


def _from_objects(array, where):
    try:
        return np.array(array.tolist())
    except ValueError as error:
        raise TypeError(f"{where} is an array of objects that are no numbers: {error}") from error


def _from_tensor(tensor, where):
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    if tensor.ndim == 3:
        if tensor.shape[0] not in CHANNELS:
            raise ValueError(
                f"{where} is a torch tensor of shape {tuple(tensor.shape)}, but an image is "
                "(channels, height, width) with 1, 3 or 4 channels."
            )
        tensor = tensor.permute(1, 2, 0)
    return tensor.numpy()


def from_pil(image, value_range, where):
    """Return the pixels and the range that applies: 8-bit images always have their own."""
    try:
        is_png = image.format == "PNG"
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # else it would be a copy
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            array = np.asarray(image)
            # Older Pillow versions open 16-bit PNG files as 32-bit integers.
            array = array.astype(np.uint16) if image.mode == "I" and is_png else array
            return array, value_range
        if image.mode == "La":  # which converts to nothing else
            image = image.convert("LA")
        mode = "RGBA" if image.has_transparency_data else "RGB"
        return np.asarray(image if image.mode == mode else image.convert(mode)), None
    except Exception as error:
        raise unreadable(error, where) from error


def unreadable(error, where):
    """Return the error for whatever PIL raised: OSError, SyntaxError, struct.error, ..."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return ValueError(
            f"{where} was refused before decoding: {error} If you trust the file, raise "
            "PIL.Image.MAX_IMAGE_PIXELS or shrink the image."
        )
    text = str(error) or "no reason given"
    if "cannot identify image file" in text:  # and then the address of a buffer
        text = "unknown format"
    return ValueError(
        f"{where} is no image that can be read ({type(error).__name__}: {text}). Replace the file "
        "or leave it out; JPEG, PNG, GIF, BMP, TIFF and WebP are read."
    )


def _to_levels(array, value_range, where):
    """Return uint8 levels where the numbers are such, otherwise float32 in [0, 1]."""
    kind = array.dtype.kind
    if kind == "f" or value_range is not None:
        low, high = array.min(), array.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(
                f"{where} contains NaN or infinity. Replace such pixels, by np.nan_to_num(X) say."
            )
    if value_range is not None:
        black, white = value_range
        return _scaled(array, lambda piece: (piece.astype(np.float64) - black) / (white - black))
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind == "u" and array.dtype.itemsize == 2:
        return _scaled(array, lambda piece: piece / 65535)
    if kind == "f" and low >= 0 and high <= 1:
        return _scaled(array, lambda piece: piece)
    low, high = array.min(), array.max()
    guess = "(0, 255)" if low >= 0 and 1 < high <= 255 else f"({low:g}, {high:g})"
    raise ValueError(
        f"{where} has dtype {array.dtype} and values from {low:g} to {high:g}, but without "
        "value_range an image is uint8, uint16, bool, or a float in [0, 1]. Set "
        f"value_range=(black, white), {guess} say."
    )


def _scaled(array, scale):
    """Return uint8 levels if what `scale` makes of an image are such, else its float32."""
    # One image must give one row in whatever form it comes, so 8-bit levels go the 8-bit way.
    numbers, pieces = array.reshape(-1), []
    for piece in _pieces(numbers):
        levels = scale(piece) * 255
        rounded = np.rint(levels)
        if rounded.min() < 0 or rounded.max() > 255 or np.abs(levels - rounded).max() >= 1e-3:
            pieces = [scale(piece).astype(np.float32) for piece in _pieces(numbers)]
            break
        pieces.append(rounded.astype(np.uint8))
    return np.concatenate(pieces).reshape(array.shape)


def _pieces(array):
    """Yield an array bit by bit, so that what is made on the way stays small beside it."""
    return (array[i : i + PIECE] for i in range(0, len(array), PIECE))


def _to_rgb(levels):
    """Repeat grey three times and lay a transparent image over white."""
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.shape[2] == 1:
        return np.repeat(levels, 3, axis=2)
    if levels.shape[2] == 3:
        return levels
    pieces = [_over_white(piece) for piece in _pieces(levels.reshape(-1, 4))]
    return np.concatenate(pieces).reshape(*levels.shape[:2], 3)


def _over_white(pixels):
    rgb, alpha = pixels[:, :3], pixels[:, 3:]
    if pixels.dtype != np.uint8:
        return rgb * alpha + (1 - alpha)
    rgb, alpha = rgb.astype(np.uint16), alpha.astype(np.uint16)  # 255 * 255 + 127 fits
    return ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
