"""The start of a training that continues an earlier one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from skorch.history import History

from sklearn_tl.finetuning.surgery import restore
from sklearn_tl.finetuning.tail import Tail
from sklearn_tl.targets import Multiclass, Regression, Task

AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass(frozen=True)
class WarmStart:
    """What a new fit takes over from an earlier one.

    Parameters
    ----------
    task : Task
        As fitted.
    tensors : dict of ndarray
        From `changed_tensors`.
    history : skorch.history.History
    fingerprint : str
        Of the pretrained network.
    """

    task: Any
    tensors: Mapping[str, np.ndarray]
    history: History
    fingerprint: str

    def fitted(self, task: AnyTask, fingerprint: str) -> AnyTask:
        """Return a new task with what the earlier one learned from its targets.

        Raises
        ------
        ValueError
            If the pretrained network or the labels are not those of the earlier fit.
        """
        if fingerprint != self.fingerprint:
            raise ValueError(
                "warm_start=True continues with the network of the earlier fit, but backbone, "
                "weights and image_size, which sets the positions of a transformer, now stand for "
                "another network. Restore them, or set warm_start=False."
            )
        before, now = _outputs_of(self.task), _outputs_of(task)
        if before != now:
            raise ValueError(
                f"warm_start=True continues with the outputs of the earlier fit, {before}, but y "
                f"has {now}. Pass a y with the same, or set warm_start=False."
            )
        if isinstance(task, Regression):  # the head's outputs are in these units
            return replace(task, mean=self.task.mean, scale=self.task.scale)
        return task

    def load_into(self, tail: Tail, unfreeze: Any) -> None:
        """Load the earlier weights into a new tail with a head.

        Raises
        ------
        ValueError
            If layers that were trained are not in the tail, or the head is another one.
        """
        own = tail.state_dict()
        frozen = [name for name in self.tensors if name.startswith("network.") and name not in own]
        if frozen:
            layer = frozen[0].removeprefix("network.")
            raise ValueError(
                f"warm_start=True with unfreeze={unfreeze!r} would lose what an earlier fit "
                f"trained, for example {layer!r}. Unfreeze as many layers as before, or more, or "
                "set warm_start=False."
            )
        restore(tail, dict(self.tensors))

    def continued(self, history: History) -> History:
        """Return the epochs of the earlier fits, followed by new ones."""
        joined = History([*self.history, *history])
        for number, epoch in enumerate(joined, start=1):
            epoch["epoch"] = number
        return joined


def _outputs_of(task: Any) -> list | str:
    if isinstance(task, Multiclass):
        return task.classes.tolist()
    if task.names is not None:
        return [str(name) for name in task.names]
    return f"{task.n_outputs} columns"
