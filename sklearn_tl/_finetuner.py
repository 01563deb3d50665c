"""What fine-tuning estimators share: recipes, training, small pickles."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.history import History
from torch import nn

from sklearn_tl._base import POSITIVE, BackboneEstimator
from sklearn_tl._utils import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    begin_fit_task,
    fork_safe,
    kind_of,
    resolve_device,
    safe_indexing,
)
from sklearn_tl.backbones import Backbone
from sklearn_tl.embedding import FirstPass
from sklearn_tl.finetuning import (
    Objective,
    Recipe,
    ReportEpochs,
    Tail,
    WarmStart,
    WholeNetwork,
    changed_tensors,
    check_net_params,
    check_split,
    choose_recipe,
    copies_of,
    find_learning_rate,
    first_split,
    head_outputs,
    learning_rate_groups,
    new_head,
    new_net,
    reproducible,
    restore,
    train,
    training_precision,
    tuned_backbone,
)
from sklearn_tl.images import ImageSequence
from sklearn_tl.targets import (
    Task,
    check_groups,
    check_scored,
    check_weights,
    check_weights_of_fit,
    hold_out_groups,
    labels_of,
)

# For a factory's head, trained alone on the embeddings. It has converged after so many steps
# without a noticeably lower loss.
HEAD_STEPS, HEAD_LR, HEAD_PATIENCE = 500, 3e-3, 50
HEAD_ADVICE = "The head cannot learn from the embeddings as they are: normalise them in the head"
HISTORIES = ("history_", "head_history_")


class FineTuningEstimator(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BackboneEstimator
):
    """Base class of the estimators that train a part of the network with a new head.

    A subclass says how `y` is read, how a linear head is fitted, what training minimises and how
    images are weighed.
    """

    _parameter_constraints = BackboneEstimator._parameter_constraints | {
        "unfreeze": [POSITIVE, str, None],
        "head": [StrOptions({"linear"}), callable],
        "max_epochs": [POSITIVE],
        "lr": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "layer_decay": [Interval(Real, 0, 1, closed="right")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "weight_averaging": [Interval(Real, 0, 1, closed="right")],
        "augment": [StrOptions({"standard"}), callable, None],
        "early_stopping": ["boolean", HasMethods("split"), list, tuple],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [POSITIVE],
        "warm_start": ["boolean"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "random_state": ["random_state"],
    }
    _FITTED: tuple[str, ...] = (
        *HISTORIES,
        "lr_",
        "_net",
        "_tuned_backbone",
        "_tensors",
        "_task",
        "target_names_",
    )
    _net: NeuralNet | None = None  # rebuilt from `_tensors` if it is None
    _tuned_backbone: Backbone | None = None  # likewise
    _recipe: Recipe
    _task: Task
    warm_start: bool = False  # of a pickle that is older than this parameter

    @fork_safe
    def transform(self, X: Any) -> np.ndarray:
        """Return the embeddings of the fine-tuned network, for any other model.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        X_out : ndarray of shape (n_images, n_features_out)
            The input of the head; float32.
        """
        check_is_fitted(self)
        return self._recipe.embeddings(self, self.read_images(X))

    @property
    def net_(self) -> NeuralNet:
        """The fitted skorch net."""
        check_is_fitted(self)
        device = resolve_device(self.device)
        if self._net is None or self._net.device != device:  # unpickled, or moved
            tail = self._new_tail()
            with torch.random.fork_rng(devices=[]):
                tail.head = new_head(self._head, self._n_features_out, self._task.n_outputs)
            restore(tail, self._tensors)
            self._net = new_net(tail, self._objective(), **self._net_settings())
            self._net.history = self.history_
        return self._net

    @fork_safe
    def tuned_backbone(self) -> Backbone:
        """Return the fine-tuned network, with the classifier that it was pretrained with.

        Returns
        -------
        backbone : Backbone
            A copy. The shared pretrained network stays as it is.
        """
        check_is_fitted(self)
        if self._tuned_backbone is None:
            self._tuned_backbone = tuned_backbone(self._pretrained(), self._tensors)
        return self._tuned_backbone

    def first_pass(self, X: Any) -> FirstPass:
        """Return the frozen pass with which `fit` begins, to fill a cache beforehand.

        Parameters
        ----------
        X : images
            See the notes of the class.

        Returns
        -------
        first : FirstPass
            The images of `X`, the pass, and the cache. Nothing is trained.
        """
        images = self._begin_fit(X)
        self._plan()
        return FirstPass(images, self.frozen_pass(self._recipe.features), self.cache)

    @abstractmethod
    def _read_targets(self, y: Any, n_images: int) -> tuple[Task, np.ndarray]:
        """Check `y`; return the task and the targets."""

    @abstractmethod
    def _image_weights(
        self, targets: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the weights in training of the images of each part; the first is trained on."""

    @abstractmethod
    def _linear_head(
        self, rows: np.ndarray, targets: np.ndarray, weight: np.ndarray, groups: np.ndarray | None
    ) -> nn.Linear:
        """Return a linear head that is fitted on the embeddings of the training part."""

    @abstractmethod
    def _objective(self) -> Objective:
        """Return what training minimises."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Self:
        before = self._before()
        images = self._begin_fit(X)
        y = labels_of(X, y)
        reported = begin_fit_task(self, X, y, self._n_epochs())
        told = {"estimator": self, "X": X, "y": y}
        reports = [ReportEpochs(reported, self._fitted_as, **told)] if reported else []
        task, targets = self._read_targets(y, len(images))
        weight = check_weights_of_fit(sample_weight, len(images))
        group = None if groups is None else check_groups(groups, len(images))
        # Before anything is fitted, so that nothing is learned from the held-out images.
        split = self._given_split(targets, group)
        if not weight.all():  # an image without weight is as if it were not there
            used = np.flatnonzero(weight)
            split = split and tuple(np.searchsorted(used, p[weight[p] > 0]) for p in split)
            images, weight = images.take(used), weight[used]
            group = None if group is None else group[used]
            task, targets = self._read_targets(safe_indexing(y, used), len(used))
        generator = check_random_state(self.random_state)
        split_seed, seed = (int(seed) for seed in generator.randint(2**31 - 1, size=2))
        parts = self._parts(task, targets, group, split, split_seed)
        if before is None:
            task = task.fitted(targets[parts[0]], weight[parts[0]])
        else:
            task = before.fitted(task, self.backbone_fingerprint_)
        self._task = task
        self._plan()
        tail = self._new_tail()
        if before is not None:
            self._restore(tail, before)
        encoded = [task.encode(targets[part]) for part in parts]
        datasets, rows = self._recipe.training_data(
            self, tail, [images.take(part) for part in parts], encoded
        )
        weights = self._image_weights([targets[part] for part in parts], [weight[p] for p in parts])
        with reproducible(seed, resolve_device(self.device)):
            trained = None if group is None else group[parts[0]]
            net = self._fit_tail(tail, datasets, rows, weights, trained, reports)
            if before is not None:
                net.history = before.continued(net.history)
            self._finish_fit(net)
        self.__dict__.update(self._fitted_outputs())  # last, since only a fitted model has classes
        if reported:
            reported.call_on_fit_task_end(**told, reconstruction_attributes={})
        return self

    @abstractmethod
    def _fitted_outputs(self) -> dict[str, Any]:
        """Return the public attributes that say what the outputs of a fitted model are."""

    def _fitted_as(self, net: NeuralNet) -> dict[str, Any]:
        """Return the attributes that make a copy of this estimator one that has fitted a net."""
        tensors = changed_tensors(net.module_, self._pretrained())
        history = History([dict(epoch) for epoch in net.history])
        fitted = {"_backbone": self._pretrained(), "_tensors": tensors, "history_": history}
        return fitted | self._fitted_outputs()

    def _n_epochs(self) -> int | None:
        """Return the largest number of epochs, or None if it depends on the number of images."""
        if self.unfreeze is None:
            return 0 if self.head == "linear" else None
        return self.max_epochs

    def _restore(self, tail: Tail, before: WarmStart) -> None:
        """Give a new tail the head and the weights of the fit before."""
        with torch.random.fork_rng(devices=[]):
            tail.head = new_head(self.head, self._n_features_out, self._task.n_outputs)
        before.load_into(tail, self.unfreeze)

    @contextmanager
    def _kept_if_it_fails(self) -> Iterator[None]:
        """Keep the model as it was if a warm start fails: its training may have taken hours."""
        state = dict(vars(self)) if self._before() else None
        try:
            yield
        except BaseException:
            if state is not None:
                self.__dict__.clear()
                self.__dict__.update(state)
            raise

    def _before(self) -> WarmStart | None:
        """Return what a warm start takes over, or None if the training begins anew."""
        if not (self.warm_start and self.__sklearn_is_fitted__()):
            return None
        return WarmStart(self._task, self._tensors, self.history_, self.backbone_fingerprint_)

    def _given_split(self, targets: np.ndarray, groups: np.ndarray | None) -> Any:
        """Return the first split of a splitter, or None if the images are held out at random."""
        if isinstance(self.early_stopping, bool | np.bool_) or self._fits_without_epochs():
            return None
        return first_split(self.early_stopping, targets, groups)

    def _parts(
        self,
        task: Task,
        targets: np.ndarray,
        groups: np.ndarray | None,
        split: Any,
        seed: int,
    ) -> Sequence[np.ndarray]:
        """Return the positions to train on and, with early stopping, those to validate on."""
        if split is not None:
            return check_split(split, task, targets)
        if not self.early_stopping or self._fits_without_epochs():
            return [np.arange(len(targets))]
        how = self.validation_fraction, seed
        if groups is None:
            return task.hold_out(targets, *how)
        return hold_out_groups(task, targets, *how, groups)

    def _fits_without_epochs(self) -> bool:
        """Tell whether only a linear head is fitted, for which no early stopping is needed."""
        return self.unfreeze is None and self.head == "linear"

    def _fit_tail(
        self,
        tail: Tail,
        datasets: list[Any],
        rows: np.ndarray,
        weights: list[np.ndarray],
        groups: np.ndarray | None,
        reports: Sequence[ReportEpochs],
    ) -> NeuralNet:
        """Fit the head on the frozen rows, then train it together with the unfrozen layers."""
        targets = datasets[0].y
        if self._fits_without_epochs():
            tail.head = self._linear_head(rows, targets, weights[0], groups)
            return new_net(tail, self._objective(), **self._net_settings())
        if tail.head is not None:  # a warm start
            return self._train(tail, datasets, weights, reports)
        if self.head == "linear":
            tail.head = self._linear_head(rows, targets, weights[0], groups)
        else:
            tail.head = new_head(self.head, self._n_features_out, self._task.n_outputs)
            if tail.network is not None:
                # Before layers are trained with it, the head is trained on the embeddings.
                first = [Dataset(rows, targets)]
                net = self._train(Tail(None, tail.head), first, weights, head_first=True)
                self.head_history_ = net.history
        return self._train(tail, datasets, weights, reports)

    def _begin_fit(self, X: Any) -> ImageSequence:
        for name in self._FITTED:
            self.__dict__.pop(name, None)  # an interrupted fit leaves nothing of an earlier one
        check_net_params(self.net_params)
        if isinstance(self.unfreeze, bool):
            raise TypeError(
                f'unfreeze={self.unfreeze} must be "all", a number of layers, the name of a layer, '
                "or None."
            )
        if isinstance(self.head, nn.Module):
            raise TypeError(
                f"head is a {type(self.head).__name__}, but must be a function (n_features, "
                "n_outputs) that returns one: the number of outputs is only known in fit."
            )
        return super()._begin_fit(X)

    def _plan(self) -> None:
        """Choose the recipe. Noise images go through the network, but no image of the user."""
        frozen = self.frozen_pass()
        self._n_features_out = sum(frozen.lengths())
        self._head = self.head
        self._recipe = choose_recipe(frozen, self.unfreeze, self.augment)

    def _finish_fit(self, net: NeuralNet) -> None:
        self._tensors = changed_tensors(net.module_, self._pretrained())
        if isinstance(self._recipe, WholeNetwork):  # now, since predictions must change nothing
            self._tuned_backbone = tuned_backbone(self._pretrained(), self._tensors)
        self._net = net
        self.history_ = net.history

    def _train(
        self,
        tail: Tail,
        datasets: list[Any],
        weights: list[np.ndarray],
        reports: Sequence[ReportEpochs] = (),
        *,
        head_first: bool = False,
    ) -> NeuralNet:
        """Train a tail, with the user's callbacks and parameters unless `head_first`."""
        train_set, valid_set = datasets if len(datasets) == 2 else (*datasets, None)
        drawn = weights if any(np.ptp(part) > 0 for part in weights) else None
        converged = None
        if tail.network is None:
            steps = ceil(len(train_set) / self.batch_size)
            epochs, converged = max(20, ceil(HEAD_STEPS / steps)), ceil(HEAD_PATIENCE / steps)
            lr, advice = HEAD_LR, HEAD_ADVICE
        else:
            epochs = self.max_epochs
            lr = self.lr_ = self._learning_rate(tail, train_set, drawn)
            advice = f"Try a smaller lr than {lr:g}"
        params = self._net_settings() | self._rates(tail, lr) | {"max_epochs": epochs}
        return train(
            tail,
            self._objective(),
            train_set,
            valid_set,
            weights=drawn,
            patience=self.n_iter_no_change,
            converged=converged,
            callbacks=() if head_first else self.callbacks or (),
            advice=advice,
            weight_averaging=float(self.weight_averaging),
            reports=reports,
            show_progress=self.verbose == 1 and not head_first,
            **params | ({"verbose": 0} if head_first else self.net_params or {}),
        )

    def _learning_rate(
        self, tail: Tail, train_set: Any, weights: Sequence[np.ndarray] | None
    ) -> float:
        """Return the rate of the head in a training of layers."""
        if not isinstance(self.lr, str):
            return float(self.lr)
        params = self._net_settings() | self._rates(tail, 1.0) | (self.net_params or {})
        return find_learning_rate(
            tail,
            self._objective(),
            train_set,
            weights=None if weights is None else weights[0],
            **params,
        )

    def _rates(self, tail: Tail, lr: float) -> dict[str, Any]:
        """Return the settings of a net that say how fast each layer learns."""
        started = self._pretrained().structure.started
        groups = learning_rate_groups(tail, self._recipe.tuned, lr, self.layer_decay, started)
        return {
            "lr": lr,
            "optimizer__param_groups": groups,
            "optimizer__weight_decay": self.weight_decay,
        }

    def _net_settings(self) -> dict[str, Any]:
        device = resolve_device(self.device)
        settings = {
            "batch_size": self.batch_size,
            "device": device,
            "verbose": max(0, self.verbose - 1),
        }
        if kind_of(device) == "cuda":
            settings["iterator_train__pin_memory"] = settings["iterator_valid__pin_memory"] = True
        return settings

    def _new_tail(self) -> Tail:
        """Return the part that is trained, as pretrained, still without a head."""
        backbone, device = self._pretrained(), resolve_device(self.device)
        precision = training_precision(self._fitted["precision"], device, backbone.module)
        return self._recipe.new_tail(backbone, precision)

    def _check_scored(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        """Check what `score` gets, as `fit` does, before any image is read; return the weights."""
        check_is_fitted(self)
        n_images = len(self.read_images(X))
        check_scored(self._task, y, n_images)
        return None if sample_weight is None else check_weights(sample_weight, n_images)

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the head's outputs (n_images, n_outputs), as float64."""
        check_is_fitted(self)
        rows = self._recipe.embeddings(self, self.read_images(X))
        return head_outputs(self.net_.module_.head, rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # float32, whatever the input is
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "history_" in vars(self)

    def __sklearn_clone__(self) -> Self:
        # scikit-learn would copy callbacks with all that they hold, and fail if it cannot.
        plain = object.__new__(type(self))
        plain.__dict__.update(vars(self), callbacks=None)
        cloned = super(FineTuningEstimator, plain).__sklearn_clone__()
        if self.callbacks is not None:
            cloned.callbacks = copies_of(self.callbacks)
        return cloned

    def __getstate__(self) -> dict[str, Any]:
        # Of the networks only the tensors that training changed, and no optimizer.
        state = super().__getstate__()
        for name in ("_net", "_tuned_backbone"):
            state.pop(name, None)
        for name in HISTORIES:
            if name in state:
                state[name] = [dict(epoch) for epoch in state[name]]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in HISTORIES:
            if name in state:
                state = state | {name: History(state[name])}
        super().__setstate__(state)
