"""The page of examples: its Python runs, and its commands are spelled as the parsers want them."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sklearn_tl

PAGE = (Path(sklearn_tl.__file__).parent / "EXAMPLES.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## (.*?)$.*?^```python\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = re.findall(r"^    (sklearn-tl .*)$", PAGE, re.M)


def draw(path, kind, seed):
    """Write a small image whose colour tells its kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 100, (6, 8, 3), dtype=np.uint8)
    pixels[..., kind % 3] += 120
    Image.fromarray(pixels).resize((48, 40)).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with all files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    xrays, posters, houses = ["path,finding,patient"], ["path,genres"], ["path,price"]
    for i in range(12):
        kind = i % 2
        draw(folder / "traps" / ["deer", "fox"][kind] / f"{i}.png", kind, i)
        day = f"2026-11-{1 + i // 4:02d}"
        draw(folder / "parts" / ["good", "defect"][kind] / f"{day}_{i:04d}.png", kind, 50 + i)
        draw(folder / "pictures" / f"{i}.png", kind, 100 + i)
        draw(folder / "photos" / f"{i}.png", i % 3, 150 + i)
        xrays.append(f"pictures/{i}.png,{['healthy', 'ill'][kind]},patient {i // 2}")
        posters.append(f"pictures/{i}.png,{['comedy|romance', 'romance|drama'][kind]}")
        houses.append(f"pictures/{i}.png,{100_000 + 50_000 * kind + 1_000 * i}.5")
    draw(folder / "new" / "0.png", 0, 200)
    for name, rows in {"xrays": xrays, "posters": posters, "houses": houses}.items():
        (folder / f"{name}.csv").write_text("\n".join(rows))
    return folder


def ask(path):
    """Return what a person would say: the strongest colour."""
    with Image.open(path) as image:
        return "abc"[int(np.asarray(image).mean(axis=(0, 1)).argmax())]


# What each example leaves behind, which shows that it did what it says.
LEFT = {
    "A biologist: which animal is it?": lambda names: names["card"]["scores"]["mean"] > 0.6,
    "A factory: is the part good?": lambda names: len(set(names["days"])) == 3,
    "A hospital: groups are patients": lambda names: len(names["scores"]["test_score"]) == 3,
    "Film posters: several tags per image": lambda names: names["probabilities"].shape == (1, 3),
    "Prices: numbers": lambda names: names["predicted"].min() > 90_000,
    "Labels from nothing": lambda names: len(names["ranked"]) == 4,
}


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of classes as small as these
def test_an_example_runs(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {"ask": ask}
    exec(compile(EXAMPLES[name], name, "exec"), names)
    assert LEFT[name](names)


def test_every_example_is_run():
    assert set(EXAMPLES) == set(LEFT)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_spelled_right(line):
    _, command, *arguments = shlex.split(line)
    import_module(f"sklearn_tl.cli.options.{command}").parser().parse_args(arguments)
