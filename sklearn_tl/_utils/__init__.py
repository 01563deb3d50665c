"""Helpers for all rooms that know none of them: validation, devices, threads, files, memory."""

from sklearn_tl._utils.batches import filled, in_parts_that_fit
from sklearn_tl._utils.devices import (
    autocast,
    empty_cache,
    is_out_of_memory,
    kind_of,
    moved,
    resolve_device,
    resolve_precision,
    without_tf32,
)
from sklearn_tl._utils.files import array_in_file, replacing
from sklearn_tl._utils.memory import register_release, release_all
from sklearn_tl._utils.private import (
    attributes_of_every_module,
    backward_hooks,
    forward_hooks,
    is_torchvision_preset,
    without_compilation,
)
from sklearn_tl._utils.progress import tqdm
from sklearn_tl._utils.threads import (
    cores,
    fork_safe,
    in_threads,
    n_cores,
    on_each_core,
    one_core,
)
from sklearn_tl._utils.validation import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    begin_fit_task,
    check_option,
    close_matches,
    fit_context,
    is_missing,
    num_samples,
    safe_indexing,
)

__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "StrOptions",
    "array_in_file",
    "attributes_of_every_module",
    "autocast",
    "backward_hooks",
    "begin_fit_task",
    "check_option",
    "close_matches",
    "cores",
    "empty_cache",
    "filled",
    "fit_context",
    "fork_safe",
    "forward_hooks",
    "in_parts_that_fit",
    "in_threads",
    "is_missing",
    "is_out_of_memory",
    "is_torchvision_preset",
    "kind_of",
    "moved",
    "n_cores",
    "num_samples",
    "on_each_core",
    "one_core",
    "register_release",
    "release_all",
    "replacing",
    "resolve_device",
    "resolve_precision",
    "safe_indexing",
    "tqdm",
    "without_compilation",
    "without_tf32",
]
