"""NVLink and peer access."""

import dataclasses

import pytest

from gpubench.checks.outcome import Status
from tests.checks.healthy import HEALTHY, change, judge, with_driver, with_gpu, with_gpus

LIT, DARK = (True,) * 18, (False,) * 18
ONE_DARK = (*LIT[:17], False)


def without_switches(snapshot):
    """The same GPUs joined by bridges or cables, or not at all."""
    gpus = tuple(d for d in snapshot.driver.pci_devices if d.is_gpu)
    plain = with_gpus(snapshot, fabric_state="not-supported", fabric_problems=None)
    return with_driver(plain, pci_devices=gpus)


def test_one_dark_link_on_the_last_gpu_fails():
    outcome = judge("nvl.active", with_gpu(HEALTHY, 7, nvlinks=ONE_DARK))
    assert outcome.status is Status.FAIL
    assert outcome.reason == "GPU 7: NVLink 17 inactive"


def test_behind_switches_a_link_that_is_dark_everywhere_fails_too():
    assert judge("nvl.active", with_gpus(HEALTHY, nvlinks=ONE_DARK)).status is Status.FAIL
    assert judge("nvl.active", with_gpu(HEALTHY, 7, nvlinks=DARK)).status is Status.FAIL


def test_cards_without_a_bridge_are_no_fault():
    cards = without_switches(with_gpus(HEALTHY, nvlinks=(False,) * 12))
    assert judge("nvl.active", cards).status is Status.SKIP


def test_some_cards_may_be_bridged_and_others_not():
    some = without_switches(with_gpu(with_gpus(HEALTHY, nvlinks=DARK[:12]), 0, nvlinks=LIT[:12]))
    assert judge("nvl.active", some).status is Status.PASS


def test_without_switches_siblings_are_compared():
    alike = without_switches(with_gpus(HEALTHY, nvlinks=(*LIT[:12], *DARK[:6])))
    assert judge("nvl.active", alike).status is Status.PASS
    odd = with_gpu(alike, 7, nvlinks=(*LIT[:11], *DARK[:7]))
    assert judge("nvl.active", odd).status is Status.FAIL


def test_a_gpu_alone_and_one_in_mig_mode_need_no_nvlink():
    alone = change(with_gpus(HEALTHY, nvlinks=DARK), gpus=HEALTHY.gpus[:1])
    alone = with_gpu(alone, 0, nvlinks=DARK)
    assert judge("nvl.active", alone).status is Status.SKIP
    cut = with_gpu(HEALTHY, 3, mig_enabled=True, nvlinks=DARK)
    assert judge("nvl.active", cut).status is Status.PASS


@pytest.mark.parametrize(
    ("fields", "status", "confidence"),
    [
        ({"nvlink_recoveries": (0,) * 17 + (1,)}, Status.WARN, "possible"),
        ({"nvlink_recoveries": (0,) * 17 + (5,)}, Status.WARN, "likely"),
        ({"nvlink_replays": (3,) * 18}, Status.NOTE, "certain"),
        ({"nvlink_crc_errors": (40,) * 18}, Status.PASS, "certain"),
    ],
)
def test_recoveries_warn_and_replays_do_not(fields, status, confidence):
    outcome = judge("nvl.errors", with_gpu(HEALTHY, 7, **fields))
    assert (outcome.status, outcome.confidence.value) == (status, confidence)


def with_letter(snapshot, first, second, letter, field="p2p_read"):
    letters = list(getattr(snapshot.gpus[first], field))
    letters[second] = letter
    return with_gpu(snapshot, first, **{field: tuple(letters)})


@pytest.mark.parametrize("letter", ["CNS", "GNS", "TNS", "DR", "NS"])
def test_behind_switches_every_gpu_reaches_every_other(letter):
    outcome = judge("nvl.p2p_status", with_letter(HEALTHY, 6, 7, letter))
    assert outcome.status is Status.FAIL
    assert "GPU 6 to GPU 7" in outcome.reason


@pytest.mark.parametrize(
    ("letter", "status"),
    [("CNS", Status.NOTE), ("NS", Status.NOTE), ("DR", Status.WARN), ("U", Status.PASS)],
)
def test_cards_on_pcie_alone_may_have_no_peer_access(letter, status):
    cards = without_switches(with_gpus(HEALTHY, nvlinks=None))
    apart = tuple("X" if n == 6 else "NS" for n in range(8))
    cards = with_letter(with_gpu(cards, 6, p2p_nvlink=apart), 6, 7, letter)
    assert judge("nvl.p2p_status", cards).status is status


def test_a_bridge_that_nvml_shows_and_that_gives_no_access_fails():
    bridged = without_switches(HEALTHY)
    assert judge("nvl.p2p_status", with_letter(bridged, 0, 1, "CNS")).status is Status.FAIL


def test_a_lost_gpu_is_no_broken_peer_access():
    lost = dataclasses.replace(type(HEALTHY.gpus[0])(index=7), error_code=15)
    seven = change(HEALTHY, gpus=(*HEALTHY.gpus[:7], lost))
    seven = with_letter(seven, 0, 7, "U")
    assert judge("nvl.p2p_status", seven).status is Status.PASS
    assert judge("nvl.active", seven).status is Status.PASS
