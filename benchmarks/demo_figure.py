"""Draw the README's picture: the built-in study, with some of the patches that it is about.

The figures are those of ``python -m sklearn_tl``: the script runs the same comparison. Needs
matplotlib.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _report import write_json

from sklearn_tl import compare_strategies
from sklearn_tl.cli.demo import demonstration
from sklearn_tl.datasets import load_photo_patches

FIGURE = Path(__file__).parent / "figures" / "demo.png"
STYLES = {"embeddings": ("#0072B2", "o", "-"), "raw pixels": ("#7f7f7f", "s", "--")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FIGURE)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    images, labels, parameters = demonstration()
    comparison = compare_strategies(images, labels, **parameters)
    sizes = sorted(set(comparison.results_["train_size"].tolist()))
    scores = {name: np.array([comparison.scores(name, size) for size in sizes]) for name in STYLES}
    per_class = [size // len(comparison.classes_) for size in sizes]

    figure = plt.figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.15])
    draw_patches(left, load_photo_patches())
    draw_scores(right.subplots(), per_class, scores)
    options.out.parent.mkdir(exist_ok=True)
    figure.savefig(options.out, dpi=110)
    write_json(
        options.json,
        {name: dict(zip(per_class, s.tolist(), strict=True)) for name, s in scores.items()},
    )


def draw_patches(figure, data):
    """Show for four photographs a patch to train on and one to test on."""
    axes = figure.subplots(2, 4)
    for column, label in enumerate((0, 3, 5, 7)):
        for row, part in enumerate((data.train, ~data.train)):
            patch = data.images[part & (data.target == label)][8]
            axes[row, column].imshow(patch)
            axes[row, column].set(xticks=[], yticks=[])
        axes[0, column].set_title(data.target_names[label], fontsize=8)
    for row, name in enumerate(("train", "test")):
        axes[row, 0].set_ylabel(name, fontsize=8)
    figure.suptitle("Which of 14 photographs is a patch from?", fontsize=10)


def draw_scores(ax, sizes, scores):
    """Draw mean and standard deviation of the accuracies over the training-set size."""
    for name, (colour, marker, line) in STYLES.items():
        mean, deviation = scores[name].mean(1), scores[name].std(1)
        ax.errorbar(sizes, mean, deviation, color=colour, marker=marker, linestyle=line, capsize=3)
        ax.annotate(name, (sizes[-1], mean[-1]), (-4, -14), textcoords="offset points", ha="right",
                    color=colour)  # fmt: skip
    ax.set(xlabel="training patches per class", ylabel="accuracy on the other halves")
    ax.set(xticks=sizes, ylim=(0, 1))
    ax.axhline(1 / 14, color="#7f7f7f", linewidth=0.8, linestyle=":")
    ax.annotate("chance", (sizes[0], 1 / 14), (0, 3), textcoords="offset points", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
