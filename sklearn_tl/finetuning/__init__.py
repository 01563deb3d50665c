"""Frozen layers are set free and trained with a new head."""

from sklearn_tl.finetuning import surgery, training
from sklearn_tl.finetuning.augmentation import TrainingImages, as_augmentation

__all__ = ["TrainingImages", "as_augmentation", "surgery", "training"]
