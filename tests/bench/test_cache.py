"""Compile caches: one folder a process, warm only where it is meant."""

from gpubench.bench.cache import Caches
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.schedule import Step

COMPILED = mode_named("fp32+compile")


def step(process, mode=COMPILED, kind="measure"):
    return Step(subject=Subject("deit"), kind=kind, mode=mode, process=process)


def fill(caches):
    with caches.of(step(0)) as folder:
        (folder / "kernel.so").write_text("compiled")
    caches.filled.add(COMPILED.name)


def test_the_last_process_starts_from_the_first_one_s_caches(tmp_path):
    caches = Caches(folder=tmp_path, processes=3)
    fill(caches)
    assert [caches.is_warm(step(process)) for process in range(3)] == [False, False, True]
    with caches.of(step(2)) as folder:
        assert (folder / "kernel.so").read_text() == "compiled"


def test_a_cold_process_starts_from_nothing(tmp_path):
    caches = Caches(folder=tmp_path, processes=3)
    fill(caches)
    with caches.of(step(1)) as folder:
        assert list(folder.iterdir()) == []


def test_a_copy_is_removed_and_the_original_untouched(tmp_path):
    caches = Caches(folder=tmp_path, processes=2)
    fill(caches)
    with caches.of(step(1)) as folder:
        (folder / "kernel.so").write_text("changed")
    assert not folder.exists()
    with caches.of(step(0, kind="parity")) as again:
        assert (again / "kernel.so").read_text() == "compiled"


def test_nothing_is_warm_without_compilation_or_with_one_process(tmp_path):
    assert not Caches(folder=tmp_path, processes=3).is_warm(step(2, REFERENCE))
    alone = Caches(folder=tmp_path, processes=1)
    fill(alone)
    assert not alone.is_warm(step(0))


def test_caches_of_a_process_that_broke_are_not_warm(tmp_path):
    caches = Caches(folder=tmp_path, processes=2)
    with caches.of(step(0)) as folder:  # a process that broke never comes to `filled`
        (folder / "kernel.so").write_text("half")
    assert not caches.is_warm(step(1))
    with caches.of(step(1)) as folder:
        assert list(folder.iterdir()) == []
