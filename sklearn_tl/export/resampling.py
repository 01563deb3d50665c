"""Images are scaled by two matrices, bit for bit as torch scales 8-bit levels.

ONNX has an antialiased Resize, but it rounds otherwise: up to one level in ten differed by one, and
probabilities by up to 0.005. Torch adds whole numbers: its weights have 16 bits, and the level
after each of two passes is rounded. Matrices of whole numbers give the same sums in any order, and
all runtimes have them.
"""

import itertools
from typing import Any

import numpy as np

from sklearn_tl.export.nodes import DOUBLE, FLOAT, INT64, Nodes

LARGEST = 2**15 - 0.5  # a weight, which has 16 bits
POWERS = 2.0 ** np.arange(1, 23)  # units in which weights may be counted
GROUPS = 8  # of scaled pixels; more save little
HALF = np.float64(0.5)
CUBIC = -0.5  # the coefficient of PIL and of torch


class Resampling:
    """Scales images along one axis after the other.

    Parameters
    ----------
    nodes : Nodes
        Of the graph.
    interpolation : {"bilinear", "bicubic"}
    in_levels : bool
        Whether the images have levels of 8 bits. Otherwise nothing is rounded.
    """

    def __init__(self, nodes: Nodes, interpolation: str, in_levels: bool) -> None:
        self.nodes, self.op, self.cast = nodes, nodes.op, nodes.cast
        self.interpolation, self.in_levels = interpolation, in_levels

    def scaled(
        self, image: Any, size: list[Any], scaled: list[Any], starts: list[Any], lengths: list[Any]
    ) -> Any:
        """Return a part of scaled images, as float32.

        Parameters
        ----------
        image : Value of shape (n, n_channels, height, width)
        size : list of (height, width)
            Of the images.
        scaled : list of (height, width)
            Their size if they were scaled whole.
        starts, lengths : list of (vertical, horizontal)
            The part that is returned, in pixels of the scaled images.
        """
        for axis in (1, 0):  # torch begins with the lines
            image = self._one_pass(
                image, axis, size[axis], scaled[axis], starts[axis], lengths[axis]
            )
        return image

    def _one_pass(self, image: Any, axis: int, n: Any, n_scaled: Any, start: Any, part: Any) -> Any:
        op = self.op
        weights, first, end = self._weights(n, n_scaled)
        unit = None
        if self.in_levels:
            fits = op("Less", op("Mul", op("ReduceMax", weights, keepdims=0), POWERS), LARGEST)
            unit = op("ReduceMax", op("Where", fits, POWERS, np.float64(1)), keepdims=0)
        # Most weights of a row are zero. A group of scaled pixels needs a window of the image.
        edges = [op("Add", start, op("Div", op("Mul", part, i), GROUPS)) for i in range(GROUPS + 1)]
        groups = []
        for left, right in itertools.pairwise(edges):
            # A group without pixels takes the window of a neighbour, of which nothing is used.
            begin = op("Gather", first, op("Min", left, op("Sub", n_scaled, 1)))
            stop = op("Gather", end, op("Max", op("Sub", right, 1), 0))
            some = op("Slice", weights, begin, stop, 0)
            some = op("Slice", some, left, right, 1)
            groups.append(self._sums(op("Slice", image, begin, stop, axis + 2), some, unit, axis))
        return op("Concat", *groups, axis=axis + 2)

    def _sums(self, image: Any, weights: Any, unit: Any, axis: int) -> Any:
        """Return the weighted sums along one axis, rounded to levels if `unit` is set."""
        op, cast = self.op, self.cast
        image = cast(image, FLOAT)

        def multiply(matrix: Any) -> Any:
            matrix = cast(matrix, FLOAT)
            if axis == 1:
                return op("MatMul", image, matrix)
            return op("MatMul", op("Transpose", matrix, perm=[1, 0]), image)

        if unit is None:
            return multiply(weights)
        # Two bytes each, so that the sums are exact in float32.
        counted = self._rounded(op("Mul", weights, unit))
        high = op("Floor", op("Div", counted, np.float64(256)))
        low = op("Sub", counted, op("Mul", high, np.float64(256)))
        sums = op("Mul", cast(multiply(high), DOUBLE), np.float64(256))
        sums = op("Add", sums, cast(multiply(low), DOUBLE))
        sums = op("Add", sums, op("Div", unit, np.float64(2)))
        levels = op("Floor", op("Div", sums, unit))
        return cast(op("Clip", levels, np.float64(0), np.float64(255)), FLOAT)

    def _weights(self, n: Any, n_scaled: Any) -> tuple[Any, Any, Any]:
        """Return the weight (n, n_scaled) of each pixel in each pixel of the scaled image.

        Also the first pixel (n_scaled,) that counts for each, and the end of those that do.
        """
        op, cast = self.op, self.cast
        n_pixels = cast(n, DOUBLE)
        scale = op("Div", n_pixels, cast(n_scaled, DOUBLE))
        stretch = op("Max", scale, np.float64(1))  # without it, fine patterns would alias
        reach = op("Mul", stretch, np.float64(1 if self.interpolation == "bilinear" else 2))
        centre = op("Mul", scale, op("Add", self._range(n_scaled), HALF))
        first = op("Floor", op("Add", op("Sub", centre, reach), HALF))
        end = op("Floor", op("Add", op("Add", centre, reach), HALF))
        first, end = op("Max", first, np.float64(0)), op("Min", end, n_pixels)
        pixel = op("Unsqueeze", self._range(n), 1)
        is_near = op("And", op("GreaterOrEqual", pixel, first), op("Less", pixel, end))
        distance = op("Add", op("Sub", pixel, centre), HALF)
        distance = op("Abs", op("Mul", distance, op("Div", np.float64(1), stretch)))
        weights = op("Where", is_near, self._filter(distance), np.float64(0))
        weights = op("Div", weights, op("ReduceSum", weights, 0, keepdims=1))
        return weights, cast(first, INT64), cast(end, INT64)

    def _filter(self, x: Any) -> Any:
        """Return the weights at a distance of `x` pixels."""
        op = self.op
        if self.interpolation == "bilinear":
            return op("Max", op("Sub", np.float64(1), x), np.float64(0))
        a = CUBIC
        near = self._polynomial(x, [a + 2, -(a + 3), 0, 1])
        far = self._polynomial(x, [a, -5 * a, 8 * a, -4 * a])
        is_near, is_far = (op("Less", x, np.float64(end)) for end in (1, 2))
        return op("Where", is_near, near, op("Where", is_far, far, np.float64(0)))

    def _polynomial(self, x: Any, coefficients: list[float]) -> Any:
        value: Any = np.float64(coefficients[0])
        for coefficient in coefficients[1:]:
            value = self.op("Add", self.op("Mul", value, x), np.float64(coefficient))
        return value

    def _rounded(self, x: Any) -> Any:
        """Return whole numbers. A half goes away from zero."""
        op, half = self.op, HALF
        is_negative = op("Less", x, np.float64(0))
        return op(
            "Where", is_negative, op("Ceil", op("Sub", x, half)), op("Floor", op("Add", x, half))
        )

    def _range(self, n: Any) -> Any:
        return self.cast(self.nodes.range(n), DOUBLE)
