"""The memory that outlives the estimators, and one function that frees all of it.

Whoever keeps something for the whole process registers how to let go of it. `clear_cache` calls
`release_all`.
"""

from collections.abc import Callable

_releases: list[Callable[[], object]] = []


def register_release(release: Callable[[], object]) -> None:
    """Register a function that frees what is kept for the whole process."""
    _releases.append(release)


def release_all() -> None:
    """Free everything that is kept for the whole process and can be made again."""
    for release in _releases:
        release()
