"""The package's preprocessing as a graph of ONNX, for images of any height and width.

Sizes are vectors with one number, which are computed in the graph from the shape of the images.
"""

from typing import Any

import numpy as np
import onnx

from sklearn_tl.export.geometry import LONGEST
from sklearn_tl.export.nodes import BOOL, DOUBLE, FLOAT, INT64, UINT8, Nodes, tensor_input
from sklearn_tl.export.resampling import Resampling
from sklearn_tl.images import Preprocessing, Reading

MARGIN, MAX_TILES = 1 / 8, 16  # as the tiles of the package
LEVELS = "levels"  # the name of the output


def preprocessing_graph(preprocessing: Preprocessing, reading: Reading) -> onnx.ModelProto:
    """Return a graph from images to the levels that the network takes.

    Parameters
    ----------
    preprocessing : Preprocessing
    reading : Reading
        With `channels`, images may have any number of channels. With a `value_range`, they are
        floats.

    Returns
    -------
    model : onnx.ModelProto
        From ``image`` (n, height, width, n_channels) to ``levels`` (n, n_channels, height, width),
        or (n, n_tiles, n_channels, height, width).
    """
    return _Graph(preprocessing, reading).model()


class _Graph:
    def __init__(self, preprocessing: Preprocessing, reading: Reading) -> None:
        self.preprocessing, self.reading = preprocessing, reading
        self.nodes = Nodes()
        self.op = self.nodes.op
        in_levels = reading.value_range is None
        self.resampling = Resampling(self.nodes, preprocessing.interpolation, in_levels)

    def model(self) -> onnx.ModelProto:
        p, reading = self.preprocessing, self.reading
        n_channels = "channels" if reading.channels else p.n_channels
        dtype = FLOAT if reading.value_range else UINT8
        image = tensor_input("image", dtype, ["n", "height", "width", n_channels])
        levels = self._read(image)
        if p.crop is None:
            levels = self._channels_first(levels)
        elif p.crop_mode == "tiles":
            levels = self._tiles(levels)
        else:
            levels = self._filled(levels)
        return self.nodes.model([image], {LEVELS: self.nodes.cast(levels, FLOAT)})

    def _read(self, image: Any) -> Any:
        """Return the channels that are read, as levels from 0 to 255."""
        if self.reading.channels is not None:
            image = self.op("Gather", image, np.array(self.reading.channels), axis=3)
        if self.reading.value_range is None:
            return image
        black, white = self.reading.value_range
        return self.op(
            "Mul",
            self.op("Sub", image, np.float32(black)),
            np.float32(255 / (white - black)),
        )

    def _filled(self, image: Any) -> Any:
        """Return images, scaled and cropped or bordered, as (n, n_channels, *crop)."""
        p, op = self.preprocessing, self.op
        assert p.crop is not None
        height, width = self._size(image, 1, 2)
        is_line = op("Equal", height, 1)
        if p.crop_mode == "center":
            image, height, width = self._without_ends(image, height, width, is_line)
        scaled = [
            op("Where", is_line, side, scaled)
            for side, scaled in zip(p.crop, self._scaled_size(height, width), strict=True)
        ]
        covers = all(a >= b for a, b in zip(p.resize, p.crop, strict=True))
        fills = p.crop_mode == "squash" or (p.crop_mode == "center" and covers)
        parts: list[Any] = list(p.crop)
        if not fills:
            parts = [op("Min", side, crop) for side, crop in zip(scaled, p.crop, strict=True)]
        starts = [self._middle(side, part) for side, part in zip(scaled, parts, strict=True)]
        image = self._channels_first(image)
        levels = self.resampling.scaled(image, [height, width], scaled, starts, parts)
        if fills:
            return levels
        return (
            self._bordered(levels, parts)
            if p.crop_mode == "border"
            else self._padded(levels, parts)
        )

    def _without_ends(self, image: Any, height: Any, width: Any, is_line: Any) -> tuple:
        """Return the middle of a very long image, and its size."""
        op, (target_height, target_width) = self.op, self.preprocessing.resize
        kept = []
        for side, other, target, others in (
            (height, width, target_height, target_width),
            (width, height, target_width, target_height),
        ):
            longest = op("Div", op("Mul", other, LONGEST * target), others)
            longest = op("Min", side, op("Max", longest, 1))
            kept.append(op("Where", is_line, side, longest))
        starts = [self._middle(side, k) for side, k in zip((height, width), kept, strict=True)]
        return self._slice(image, starts, kept, (1, 2)), *kept

    def _scaled_size(self, height: Any, width: Any) -> list:
        """Return the size to which images are scaled, as `Preprocessing.scaled_size` does."""
        op, mode = self.op, self.preprocessing.crop_mode
        target_height, target_width = self.preprocessing.resize
        if mode == "squash":
            return [target_height, target_width]
        if mode == "border":
            sides = [self.nodes.cast(side, DOUBLE) for side in (height, width)]
            targets = np.float64(target_height), np.float64(target_width)
            ratio = op("Max", *(op("Div", s, t) for s, t in zip(sides, targets, strict=True)))
            return [op("Max", self._rounded(op("Div", side, ratio)), 1) for side in sides]
        across, down = op("Mul", width, target_height), op("Mul", height, target_width)
        is_wide = op("GreaterOrEqual", across, down)
        return [
            op("Where", is_wide, target_height, op("Div", down, width)),
            op("Where", is_wide, op("Div", across, height), target_width),
        ]

    def _bordered(self, image: Any, size: list) -> Any:
        """Return images in the middle of the mean colour, in whole levels."""
        p, op = self.preprocessing, self.op
        colour = np.array([round(255 * value) for value in p.mean], dtype=np.float32)
        ones = np.ones((1, 1, 1, 1), dtype=np.float32)
        inside = self._padded(op("Expand", ones, op("Concat", 1, 1, *size, axis=0)), size)
        inside = self.nodes.cast(inside, BOOL)
        return op("Where", inside, self._padded(image, size), colour.reshape(1, -1, 1, 1))

    def _padded(self, image: Any, size: list) -> Any:
        """Return images in the middle of zeros."""
        op, crop = self.op, self.preprocessing.crop
        assert crop is not None
        before: list[Any] = [0, 0]
        after: list[Any] = [0, 0]
        for side, wanted in zip(size, crop, strict=True):
            missing = op("Sub", wanted, side)
            before.append(op("Div", missing, 2))
            after.append(op("Sub", missing, before[-1]))
        return op("Pad", image, op("Concat", *before, *after, axis=0))

    def _tiles(self, image: Any) -> Any:
        """Return the tiles of images as (n, n_tiles, n_channels, *crop), as `tile_boxes` lays them.

        All tiles have one size, so the positions of their lines and columns make all of them.
        """
        p, op, cast = self.preprocessing, self.op, self.nodes.cast
        assert p.crop is not None
        sides = self._size(image, 1, 2)
        is_line = op("Equal", sides[0], 1)
        lengths = [cast(side, DOUBLE) for side in sides]
        ratios = [op("Div", a, np.float64(b)) for a, b in zip(lengths, p.crop, strict=True)]
        scale = op("Min", *ratios)
        for axis, side, crop in zip((1, 3), sides, p.crop, strict=True):
            part = op("Max", self._rounded(op("Mul", scale, np.float64(crop))), 1)
            part = op("Where", is_line, side, part)
            starts = op("Unsqueeze", self._starts(side, part), 1)
            image = op("Gather", image, op("Add", starts, self.nodes.range(part)), axis=axis)
        # (n, tiles down, lines, tiles across, columns, n_channels)
        image = op("Transpose", image, perm=[0, 1, 3, 5, 2, 4])
        shape = op("Shape", image)
        flat = op("Reshape", image, op("Concat", -1, op("Slice", shape, 3, 6), axis=0))
        size = self._size(flat, 2, 3)
        tiles = self.resampling.scaled(flat, size, list(p.crop), [0, 0], list(p.crop))
        n = op("Slice", shape, 0, 1)
        n_tiles = op("Mul", op("Slice", shape, 1, 2), op("Slice", shape, 2, 3))
        return op("Reshape", tiles, op("Concat", n, n_tiles, p.n_channels, *p.crop, axis=0))

    def _starts(self, length: Any, part: Any) -> Any:
        """Return where the tiles along one side begin."""
        op, cast = self.op, self.nodes.cast
        rest = op("Sub", length, part)
        longest = op("Mul", cast(part, DOUBLE), np.float64(1 + MARGIN))
        is_one = op("LessOrEqual", cast(length, DOUBLE), longest)
        n = op("Div", op("Sub", op("Add", length, part), 1), part)
        n = op("Where", is_one, 1, op("Min", n, MAX_TILES))
        gaps = op("Max", op("Sub", n, 1), 1)
        step = op("Div", cast(rest, DOUBLE), cast(gaps, DOUBLE))
        starts = self._rounded(op("Mul", cast(self.nodes.range(n), DOUBLE), step))
        return op("Where", is_one, op("Div", rest, 2), starts)

    def _size(self, image: Any, *axes: int) -> list:
        return [self.op("Shape", image, start=axis, end=axis + 1) for axis in axes]

    def _slice(self, image: Any, starts: list, lengths: list, axes: tuple[int, int]) -> Any:
        """Return a part of images along two axes."""
        op = self.op
        start = op("Concat", *starts, axis=0)
        stop = op("Add", start, op("Concat", *lengths, axis=0))
        return op("Slice", image, start, stop, np.array(axes))

    def _channels_first(self, image: Any) -> Any:
        return self.op("Transpose", image, perm=[0, 3, 1, 2])

    def _middle(self, length: Any, part: Any) -> Any:
        """Return where a part in the middle of a length begins: a half is rounded to even."""
        rest = self.nodes.cast(self.op("Sub", length, part), DOUBLE)
        return self._rounded(self.op("Div", rest, np.float64(2)))

    def _rounded(self, value: Any) -> Any:
        return self.nodes.cast(self.op("Round", value), INT64)
