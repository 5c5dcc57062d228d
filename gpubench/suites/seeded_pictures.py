"""Pictures of a few classes, drawn from the seed: small, and possible to learn without a gap."""

import colorsys
import random
from pathlib import Path

import torch
from PIL import Image

CLASSES = ("blue", "green", "red", "yellow")
HUES = (0.62, 0.36, 0.0, 0.15)
EACH, HELD_OUT = 40, 10
"""Pictures of a class to train on, and further ones to judge by (own choice)."""

SIDE = 80
"""Pixels along a side."""


def write(folder: Path, seed: int) -> tuple[str, str]:
    """A folder of pictures to train on and one to judge by, a sub-folder a class."""
    source, generator = random.Random(seed), torch.Generator().manual_seed(seed)  # noqa: S311
    places = []
    for name, count in (("train", EACH), ("validation", HELD_OUT)):
        for label, hue in zip(CLASSES, HUES, strict=True):
            own = folder / name / label
            own.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                _picture(source, generator, hue).save(own / f"{index:03}.jpg", quality=90)
        places.append(str(folder / name))
    return places[0], places[1]


def _picture(source: random.Random, generator: torch.Generator, hue: float) -> Image.Image:
    """A disc of the class's colour somewhere on grey grain."""
    near = (hue + source.uniform(-0.03, 0.03)) % 1
    colour = colorsys.hsv_to_rgb(near, source.uniform(0.6, 1), source.uniform(0.6, 1))
    grain = torch.randn((SIDE, SIDE, 1), generator=generator) * 30 + source.uniform(60, 190)
    pixels = grain.expand(-1, -1, 3).clone()  # (H, W, 3)
    radius = source.randint(SIDE // 4, SIDE // 2)
    x, y = source.randint(radius, SIDE - radius), source.randint(radius, SIDE - radius)
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None, :]
    inside = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
    pixels[inside] = torch.tensor(colour) * 255
    return Image.fromarray(pixels.clamp(0, 255).byte().numpy())
