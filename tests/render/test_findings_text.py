"""The report for people."""

import dataclasses
import re

import pytest

from gpubench.checks.outcome import Status
from gpubench.checks.registry import CHECKS
from gpubench.checks.report import make_report
from gpubench.checks.running import run_checks
from gpubench.checks.targets import aim, aimed, read_target
from gpubench.env.snapshot import Paste, Snapshot
from gpubench.render.findings_text import COUNTED, render
from tests.checks import healthy as h
from tests.checks.healthy import HEALTHY, NO_GPU, QUICK


def text(snapshot, **options):
    return render(make_report(snapshot, run_checks(snapshot)), **options)


def test_a_healthy_machine_fits_one_screen():
    shown = text(HEALTHY)
    assert len(shown.splitlines()) <= 24
    assert "What to do first" not in shown


def test_the_machine_stands_at_the_top():
    shown = text(HEALTHY)
    assert "8 × NVIDIA H100 80GB HBM3, 9.0, 79.6 GiB" in shown
    assert "580.82.07 (open kernel module), CUDA up to 13.0" in shown
    assert "2.8.0+cu128 · CUDA 12.8 · cuDNN 9.10.2 · NCCL 2.27.3 · triton 3.4.0" in shown


def test_categories_come_in_their_order_with_one_mark_each():
    lines = [line for line in text(HEALTHY).splitlines() if line[:1] in "✓✗!?i–" and line[:1]]
    names = [line.split()[1] for line in lines]
    assert names == ["Host", "Driver", "CUDA", "Torch", "Companions", "Functional", "Health"]
    assert {line[0] for line in lines} == {"✓"}


def test_trouble_is_named_with_what_to_type():
    shown = text(h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70"))
    assert "✗ Torch" in shown
    assert "torch.cudnn" in shown
    assert "1. cudnn-mismatch (certain)" in shown
    assert '→ /opt/venv/bin/python -m pip install "nvidia-cudnn-cu12==9.10.2.21"' in shown


def test_the_last_line_counts_every_status():
    report = make_report(NO_GPU, run_checks(NO_GPU))
    last = render(report).splitlines()[-1]
    assert last.startswith(f"no-gpu: {len(report.checks)} checks: ")
    for status, one, many in COUNTED:
        assert f"{report.count(status)} {one if report.count(status) == 1 else many}" in last
    assert sum(report.count(status) for status in Status) == len(report.checks)


def test_without_torch_the_line_that_installs_one_is_printed():
    bare = h.change(h.without_distribution(QUICK, "torch"), torch=None)
    assert "→ /opt/venv/bin/python -m pip install torch==" in text(bare)


def test_color_is_written_only_where_it_is_asked_for():
    assert "\x1b[" not in text(HEALTHY)
    assert "\x1b[" in text(HEALTHY, color=True)


def test_a_terminal_code_in_a_snapshot_never_reaches_the_terminal():
    evil = h.with_gpus(QUICK, name="\x1b[31mH100\x1b]0;owned\x07")
    evil = h.with_torch(evil, version="2.8.0\x1b[2J")
    assert "\x1b" not in text(evil)


def test_markup_in_a_name_is_shown_as_it_is():
    assert "[bold]H100[/bold]" in text(h.with_gpus(QUICK, name="[bold]H100[/bold]"))


@pytest.mark.parametrize("width", [20, 40, 200])
def test_a_command_is_never_broken_over_lines(width):
    broken = h.with_torch_release(QUICK, "2.8.0", None, None)
    assert "pip uninstall -y torch torchvision torchaudio" in text(broken, width=width)


def test_an_empty_snapshot_is_shown_without_trouble():
    shown = text(Snapshot(source="collect_env"))
    assert "gpubench doctor · collect_env" in shown
    assert shown.splitlines()[-1].startswith("undetermined")


def test_gpus_of_two_kinds_are_counted_apart():
    mixed = h.with_gpu(QUICK, 7, name="NVIDIA A100-SXM4-80GB", compute_capability="8.0")
    assert "7 × NVIDIA H100" in text(mixed)
    assert "1 × NVIDIA A100" in text(mixed)


def test_a_container_and_a_host_name_are_shown_where_they_are_known():
    inside = h.change(QUICK, container=h.DOCKER, host=dataclasses.replace(QUICK.host, name="node7"))
    assert "node7" in text(inside)
    assert "in a container (docker)" in text(inside)


PASTE = Paste(
    kinds=("collect_env", "nvidia_smi"),
    line_count=120,
    unread_line_count=3,
    is_cut=True,
    missing=("the driver", "the packages"),
)


def test_a_pasted_report_says_what_was_read_and_what_is_missing():
    shown = text(Snapshot(source="collect_env", torch=HEALTHY.torch, paste=PASTE))
    assert "collect_env, nvidia_smi · 3 of 120 lines not understood · it breaks off" in shown
    assert "Missing   the driver, the packages" in shown
    assert "what the report does not say stays unknown" in shown
    for name in ("Host", "Driver", "GPUs", "Python"):
        assert re.search(rf"^  {name} +not described$", shown, flags=re.MULTILINE)


def test_a_live_machine_has_no_report_to_speak_of():
    assert "  Report" not in text(HEALTHY)


def test_checks_that_ended_for_one_reason_share_a_line():
    silent = Snapshot(source="collect_env", torch=HEALTHY.torch)
    lines = [line for line in text(silent).splitlines() if "distributions could not" in line]
    assert [line.split("?")[1].split(" the ")[0].strip() for line in lines] == [
        "torch.duplicate, torch.cuda_mix, torch.requires, torch.record",
        "comp.vision_audio, comp.triton, comp.frameworks and 2 more",
    ]


def changed(before, after):
    return render(make_report(after, run_checks(after), before=before))


def test_what_changed_is_said_and_what_a_finding_names_first():
    broken = h.with_distribution(QUICK, "nvidia-cudnn-cu12", version="9.1.0.70")
    after = h.with_driver_version(broken, "575.57.08")
    shown = changed(h.change(QUICK, taken_at="2026-11-19T10:00:00+00:00"), after)
    _, _, section = shown.partition("Changed since 2026-11-19T10:00:00+00:00\n")
    assert section.splitlines()[:2] == [
        "  nvidia-cudnn-cu12 went from 9.10.2.21 to 9.1.0.70: see torch.cudnn",
        "  driver: 580.82.07 → 575.57.08",
    ]


def test_nothing_changed_is_said_as_well():
    assert "Since the earlier snapshot\n  nothing changed" in changed(HEALTHY, HEALTHY)


def test_many_changes_do_not_fill_the_page():
    after = h.without_distribution(QUICK, "numpy")
    for number in range(40):
        after = h.with_distribution(after, f"nvidia-thing{number}", version="1")
    lines = changed(QUICK, after).partition("Changed since")[2].partition("\n\n")[0].splitlines()
    assert len(lines) == 32
    assert lines[-1] == "  and 11 more, in --format json"


def test_another_machine_is_said_before_its_differences():
    def named(uuid):
        return h.with_gpus(QUICK, uuid=uuid)

    shown = changed(named("a"), named("b"))
    assert "another machine: no GPU of it is one of those" in shown


@pytest.mark.parametrize(
    ("gpus", "driver", "words"),
    [
        (("H100",), "580.65.06", "Target    H100 (9.0), driver 580.65.06\n"),
        (("H100",), None, "no driver was named"),
        ((), "580.65.06", "no GPU was named"),
    ],
)
def test_the_target_is_named_with_what_is_open(gpus, driver, words):
    target = read_target(gpus, driver)
    results = run_checks(aim(NO_GPU, target), checks=aimed(CHECKS, target))
    assert words in render(make_report(NO_GPU, results, target=target))
