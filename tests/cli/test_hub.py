"""A model in the hub's own cache layout is trained; one that is nowhere is told at once."""

import os
import subprocess
import sys
import time

import pytest

pytest.importorskip("transformers")
pytest.importorskip("timm")

from gpubench.bench.learning.record import read_training

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def snapshot(home, name):
    """An empty snapshot of a model where huggingface_hub keeps it."""
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    place = folder / "snapshots" / COMMIT
    place.mkdir(parents=True)
    return place


def gpubench(home, *arguments):
    environment = {**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9"}
    environment.pop("HF_HUB_OFFLINE", None)
    environment.pop("HF_HUB_CACHE", None)
    return subprocess.run(
        [sys.executable, "-m", "gpubench", *map(str, arguments)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


def test_a_cached_bert_is_trained_with_its_own_tokenizer(tmp_path):
    from transformers import BertConfig, BertForTokenClassification

    from gpubench.suites import tokens
    from gpubench.suites.sentences import read_corpus

    corpus = tmp_path / "train.bio"
    corpus.write_text("中\tB-LOC\n国\tI-LOC\n人\tO\n\n" * 12)
    place = snapshot(tmp_path, "org/small")
    config = BertConfig(
        vocab_size=64, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(place)
    tokens.train(read_corpus(str(corpus)), 64).save(str(tmp_path / "tokenizer.json"))
    tokens.load(str(tmp_path / "tokenizer.json")).save_pretrained(place)
    output = tmp_path / "training"
    done = gpubench(
        tmp_path, "train", "--suite", "bert-ner", "--device", "cpu", "--model", "org/small",
        "--data", corpus, "--sequence-length", "16", "--steps", "2", "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = read_training(output).facts
    assert (facts.settings["model"], facts.settings["layers"]) == ("org/small", 1)
    assert (facts.survey["tokenizer"], facts.settings["learning_rate"]) == ("org/small", 2e-5)


def test_a_cached_timm_model_is_trained(tmp_path):
    import json

    import timm
    from safetensors.torch import save_file

    place = snapshot(tmp_path, "org/vit")
    arguments = {"embed_dim": 16, "depth": 1, "num_heads": 2}
    model = timm.create_model(
        "vit_tiny_patch16_224", num_classes=5, img_size=32, **arguments
    )  # fmt: skip
    save_file(model.state_dict(), str(place / "model.safetensors"))
    pretrained = {
        **model.pretrained_cfg, "num_classes": 5, "input_size": [3, 32, 32], "url": "", "file": "",
        "hf_hub_id": "org/vit",
    }  # fmt: skip
    (place / "config.json").write_text(
        json.dumps(
            {
                "architecture": "vit_tiny_patch16_224", "num_classes": 5,
                "model_args": {"img_size": 32, **arguments}, "pretrained_cfg": pretrained,
            }
        )
    )  # fmt: skip
    output = tmp_path / "training"
    done = gpubench(
        tmp_path, "train", "--suite", "deit", "--device", "cpu", "--model", "hf-hub:org/vit",
        "--image-size", "32", "--batch-size", "4", "--steps", "1", "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = read_training(output).facts.settings
    assert (settings["weights"], settings["layers"]) == ("pretrained", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--suite", "bert-ner", "--model", "no/such"),
        ("run", "--suite", "deit", "--model", "hf-hub:no/such"),
    ],
)
def test_a_model_that_is_nowhere_is_one_line_at_once(tmp_path, arguments):
    began = time.monotonic()
    done = gpubench(tmp_path, *arguments, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "the model no/such is not in the hub's cache" in done.stderr
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - began < 30
    assert not (tmp_path / "out").exists()
