"""Where no data was given, real files are written, the same ones each time."""

import pytest

pytest.importorskip("torchvision")
pytest.importorskip("transformers")

from pathlib import Path

from gpubench.suites import images, seeded_files
from gpubench.suites.sentences import read_corpus

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(seeded_files, "PHOTOGRAPHS", 4)
    monkeypatch.setattr(seeded_files, "SENTENCES", 300)


def test_photographs_are_jpegs_as_large_as_imagenet_s(tmp_path):
    place = seeded_files.photographs(tmp_path, 1)
    assert images.survey(place)[1]["images_decoded"] == 4
    sizes = [file.stat().st_size for file in Path(place).rglob("*.jpg")]
    assert all(50_000 < size < 200_000 for size in sizes), sizes


def test_sentences_have_many_lengths_and_some_too_long_for_128_tokens(tmp_path):
    corpus = read_corpus(seeded_files.sentences(tmp_path, 1))
    lengths = sorted(len(sentence.words) for sentence in corpus.sentences)
    assert 25 < lengths[150] < 50
    assert lengths[-1] > 126
    assert corpus.labels == ("O", "B-LOC")


def test_the_seed_fixes_every_byte(tmp_path):
    def written(seed, name):
        folder = tmp_path / name
        folder.mkdir()
        seeded_files.photographs(folder, seed)
        seeded_files.sentences(folder, seed)
        return {f.relative_to(folder): f.read_bytes() for f in folder.rglob("*.*")}

    assert written(1, "a") == written(1, "b")
    assert written(1, "c") != written(2, "d")
