"""The learners of both suites, stopped and gone on with, end with the bits of one that was not."""

import dataclasses
import importlib

import pytest

pytest.importorskip("timm")
pytest.importorskip("seqeval")
pytest.importorskip("torchcrf")

from gpubench.bench.feed import Feed
from gpubench.bench.job import Job, Workload
from gpubench.bench.learning import loop
from gpubench.bench.learning.asked import Training
from gpubench.bench.modes import mode_named
from gpubench.bench.protocol import SMOKE
from tests.suites.test_images import picture

pytestmark = pytest.mark.torch


class Nobody:
    def __call__(self, stage, done, of):
        pass

    def tell(self, kind, **content):
        pass


def sentences(folder):
    place = folder / "train.bio"
    place.write_text("中\tB-LOC\n国\tI-LOC\n人\tO\n\n的\tO\n中\tB-LOC\n\n" * 12)
    return place


def photographs(folder):
    for index in range(14):
        picture(folder / "photos" / "ab"[index % 2] / f"{index}.jpg", seed=index)
    return folder / "photos"


CASES = {
    "a linear head": ("ner_learner", sentences, {"sequence_length": 12}, {}),
    "a CRF head": ("ner_learner", sentences, {"sequence_length": 12}, {"head": "crf"}),
    "photographs mixed": ("deit_learner", photographs, {"image_size": 32}, {"schedule": "cosine"}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_to_the_same_bits(case, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "read_back", lambda mode, device: {})
    monkeypatch.setattr(loop, "mismatches", lambda *_: [])
    module, write, sizes, others = CASES[case]
    workload = Workload(
        preset="smoke", data=str(write(tmp_path)), batch_size=4, feed=Feed(workers=0), **sizes
    )

    def trained(name, **changes):
        training = Training(
            epochs=None, steps=7, checkpoint=str(tmp_path / name), checkpoint_every=2,
            stop=str(tmp_path / "stop"), **others,
        )  # fmt: skip
        job = Job(
            kind="train", suite_module=f"gpubench.suites.{module}", workload=workload,
            mode=mode_named("fp32"), protocol=SMOKE, device="cpu", scratch=str(tmp_path),
            training=dataclasses.replace(training, **changes),
        )  # fmt: skip
        suite = importlib.import_module(job.suite_module)
        return loop.train(job, suite, Nobody())

    whole = trained("whole")
    trained("parts", kept=10)
    for kept in sorted((tmp_path / "parts").glob("step-*"))[1:]:
        kept.unlink()  # as if it had been killed after the first of them
    again = trained("parts", resume=True)
    assert (whole["state"], again["state"], again["step"]) == ("ok", "ok", 7)
    assert again["weights"] == whole["weights"]
