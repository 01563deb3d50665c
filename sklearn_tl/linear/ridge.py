"""Ridge regressions on the same rows for many penalties, with exact predictions for left-out rows.

No regression is fitted again. With the hat matrix S of all images, the errors of the images g that
are left out together are (I - S_gg)^-1 times their errors in the fit to all images.
"""

import numpy as np


class RidgePath:
    """The ridge regressions on some rows, for any penalty and any targets.

    Parameters
    ----------
    rows : ndarray of shape (n_images, n_features), float64
    weight : ndarray of shape (n_images,)
        Positive.
    groups : ndarray of shape (n_images,)
        Images with equal integers are left out together.
    """

    def __init__(self, rows: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> None:
        self.root = np.sqrt(weight)[:, None]
        self.mean = np.average(rows, axis=0, weights=weight)
        self.centred = self.root * (rows - self.mean)
        self.weight = weight
        self.values, self.vectors = _eigen(self.centred)
        # The intercept has no penalty: it is one more direction, of which nothing is shrunk.
        self._basis = np.hstack([self.vectors, self.root / np.linalg.norm(self.root)])
        self._squares = self._basis**2
        self._members = _by_size(groups)

    def fit(self, targets: np.ndarray, alpha: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients (n_features, n_targets) and the intercepts (n_targets,).

        `alpha` is one penalty, or one per target.
        """
        mean, y = self._centred_targets(targets)
        # Not by 1 / values, which would divide by next to nothing.
        dual = self.vectors @ ((self.vectors.T @ y) / (self.values[:, None] + alpha))
        coef = self.centred.T @ dual
        return coef, mean - self.mean @ coef

    def left_out(self, targets: np.ndarray, alpha: float) -> np.ndarray:
        """Return a prediction (n_images, n_targets) per image, of the fit without its group."""
        _, y = self._centred_targets(targets)
        share = np.append(self.values / (self.values + alpha), 1.0)
        residuals = y - self.vectors @ (share[:-1, None] * (self.vectors.T @ y))
        errors = residuals / (1 - self._squares @ share)[:, None]  # of images on their own
        for members in self._members:
            if members.shape[1] > 1:
                errors[members] = _without(self._basis[members], share, residuals[members])
        # An image without weight, as of a class of weight 0, has no error that counts.
        return targets - np.divide(
            errors, self.root, out=np.zeros_like(errors), where=self.root > 0
        )

    def _centred_targets(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of targets, and their weighted differences from it."""
        mean = np.average(targets, axis=0, weights=self.weight)
        return mean, self.root * (targets - mean)


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows in a fixed order, and for each row its position among them."""
    # As bytes: `np.unique` with an axis compares number by number, ten times as slowly.
    as_bytes = np.ascontiguousarray(rows).view(f"V{rows.shape[1] * rows.itemsize}").ravel()
    _, first, which = np.unique(as_bytes, return_index=True, return_inverse=True)
    return rows[first], which


def _eigen(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positive eigenvalues of ``rows @ rows.T``, and its eigenvectors as columns."""
    n_images, n_features = rows.shape
    if n_images <= n_features:
        values, vectors = np.linalg.eigh(rows @ rows.T)
    else:  # the other product is smaller, and has the same positive eigenvalues
        values, directions = np.linalg.eigh(rows.T @ rows)
        vectors = rows @ directions / np.sqrt(values.clip(min=1e-300))
    positive = values > 1e-10 * values.max()
    return values[positive], vectors[:, positive]


def _by_size(groups: np.ndarray) -> list[np.ndarray]:
    """Return an array (n_groups, size) of positions for each size of a group."""
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    sizes = np.array([len(group) for group in members])
    return [
        np.array([members[i] for i in np.flatnonzero(sizes == size)]) for size in np.unique(sizes)
    ]


def _without(basis: np.ndarray, share: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return the errors of groups (n_groups, size, n_targets) in the fits without each of them."""
    size, rank = basis.shape[1:]
    if size <= rank:
        own = (basis * share) @ basis.transpose(0, 2, 1)
        return np.linalg.solve(np.eye(size) - own, residuals)
    # The same by a system of `rank` equations (Woodbury), for groups that are large.
    inner = np.diag(1 / share) - basis.transpose(0, 2, 1) @ basis
    return residuals + basis @ np.linalg.solve(inner, basis.transpose(0, 2, 1) @ residuals)
