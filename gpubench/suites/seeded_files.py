"""Files to read where no data was given: photographs and sentences drawn from the seed."""

import random
from pathlib import Path

import torch
from PIL import Image

PHOTOGRAPHS = 64
"""Few enough to be written in a second or two, and to stay in the page cache (own choice)."""

PHOTOGRAPH_SIZE = (500, 375)
"""Width and height in pixels, the most common size in ImageNet's training set."""

QUALITY = 90
"""JPEG quality; with the noise below a file has about 100 KB, as ImageNet's have."""

SENTENCES = 2000
ALPHABET = 3000
"""Different characters, the first of CJK's common block, drawn by Zipf's law (own choice)."""

LOG_MEAN, LOG_DEVIATION, MOST_WORDS = 3.6, 0.6, 400
"""Words per sentence are log-normal: median 37, one in fifty beyond 126 (own choice)."""


def photographs(scratch: Path, seed: int) -> str:
    """A folder of JPEGs in two classes: smooth shapes with grain, so that decoding is work."""
    top = scratch / "photographs"
    generator = torch.Generator().manual_seed(seed)
    for index in range(PHOTOGRAPHS):
        folder = top / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        _photograph(generator).save(folder / f"{index:02}.jpg", quality=QUALITY)
    return str(top)


def _photograph(generator: torch.Generator) -> Image.Image:
    width, height = PHOTOGRAPH_SIZE
    coarse = torch.rand((1, 3, 12, 16), generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")[0]
    grain = torch.randn((height, width), generator=generator) * 8
    pixels = (smooth + grain).clamp(0, 255).byte().permute(1, 2, 0).contiguous()  # (H, W, 3)
    return Image.fromarray(pixels.numpy())


def sentences(scratch: Path, seed: int) -> str:
    """A BIO file of sentences of many lengths, a character a word, one in ten words a place."""
    source = random.Random(seed)  # noqa: S311 - text, not a secret
    characters = [chr(0x4E00 + number) for number in range(ALPHABET)]
    weights = [1 / (rank + 1) for rank in range(ALPHABET)]
    lines: list[str] = []
    for _ in range(SENTENCES):
        words = min(MOST_WORDS, max(1, round(source.lognormvariate(LOG_MEAN, LOG_DEVIATION))))
        drawn = source.choices(characters, weights, k=words)
        lines += [f"{word}\t{'B-LOC' if source.random() < 0.1 else 'O'}" for word in drawn]
        lines.append("")
    place = scratch / "sentences.bio"
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(place)
