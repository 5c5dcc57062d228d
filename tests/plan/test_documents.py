"""The slips of REQUIREMENTS A12, each in a file such as people write, are all named."""

import pytest

from gpubench.plan.judging import judge_file
from gpubench.plan.machine import Machine
from tests.plan.helpers import DATA, mended, rules

SLIPS = [
    ("v27-requirements.txt", "companion.pair", 3, "torchvision 0.18.0 is not for torch 2.7.0"),
    ("v26.Dockerfile", "torch.cuda", 16, "torch 2.6.0 has no build for CUDA 12.1"),
    ("v26-environment.yml", "torch.cuda", 9, "its builds are cu118, cu124, cu126"),
    ("v26-frozen.txt", "torch.cuda", 2, "torch 2.6.0 has no build for CUDA 12.1"),
    ("v27-check.Dockerfile", "import.moved", 3, "deit_small_patch16_224 is not in torchvision"),
    ("v26.Dockerfile", "import.moved", 23, "AdamW is not in transformers"),
    ("v28.Dockerfile", "torch.declared_cuda", 4, "torch 2.8.0 has no build for CUDA 11.8"),
    ("v28.Dockerfile", "torch.declared_cudnn", 5, "torch 2.8.0 is built with cuDNN 9.10"),
    ("v28.Dockerfile", "torch.declared_cuda", 3, "LABEL org.example.cuda declares"),
    ("v28.Dockerfile", "image.tag", 2, "lacks the patch number"),
    ("v26.Dockerfile", "python.system", 9, "ubuntu20.04 has no Python 3.10 of its own"),
    ("notes.md", "import.moved", 7, "timm has"),
    ("notes.md", "import.moved", 8, "AdamW"),
    ("notes.md", "companion.pair", 12, "torchvision 0.18.0"),
]


@pytest.mark.parametrize(("name", "rule", "line", "words"), SLIPS)
def test_a_slip_of_the_documents_is_named_at_its_line(name, rule, line, words):
    report = judge_file(str(DATA / "a12" / name), Machine())
    found = [p for p in report.problems if p.rule == rule and p.line == line]
    assert [p.severity for p in found] == ["error"]
    assert words in found[0].summary
    assert report.status == 1


@pytest.mark.parametrize("path", sorted((DATA / "a12").iterdir()), ids=lambda path: path.name)
def test_nothing_but_the_slips_is_called_an_error(path):
    report = judge_file(str(path), Machine())
    named = {(rule, line) for name, rule, line, _ in SLIPS if name == path.name}
    errors = {(p.rule, p.line) for p in report.problems if p.severity == "error"}
    follow_ups = {("companion.tag", 3), ("torch.declared_cudnn", 3)}
    assert named <= errors <= named | follow_ups


@pytest.mark.parametrize("path", sorted((DATA / "sound").iterdir()), ids=lambda path: path.name)
def test_a_sound_file_gives_no_finding(path):
    report = judge_file(str(path), Machine())
    assert (report.status, rules(report)) == (0, [])
    assert report.facts


@pytest.mark.parametrize("path", sorted((DATA / "a12").iterdir()), ids=lambda path: path.name)
def test_the_corrected_file_passes_the_same_judge(path):
    _, report = mended(path.read_text(), path.name)
    assert rules(report, "error") == []
    assert report.status == 0
