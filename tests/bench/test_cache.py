"""Compile caches: one folder a process, warm only where it is meant."""

from gpubench.bench.cache import Caches
from gpubench.bench.job import Subject
from gpubench.bench.modes import REFERENCE, mode_named
from gpubench.bench.schedule import Step

COMPILED = mode_named("fp32+compile")
AUTOTUNED = mode_named("fp32+compile-max")


def step(process, mode=COMPILED, kind="measure"):
    return Step(subject=Subject("deit"), kind=kind, mode=mode, process=process)


def fill(caches, mode=COMPILED):
    with caches.of(step(0, mode)) as folder:
        (folder / "kernel.so").write_text("compiled")
    caches.filled.add(mode.name)


def test_all_but_the_first_process_start_from_the_first_one_s_caches(tmp_path):
    caches = Caches(folder=tmp_path, processes=3)
    fill(caches)
    assert [caches.is_warm(step(process)) for process in range(4)] == [False, True, True, True]
    with caches.of(step(2)) as folder:
        assert (folder / "kernel.so").read_text() == "compiled"


def test_processes_that_choose_their_kernels_do_so_each_but_for_the_last_of_the_preset(tmp_path):
    caches = Caches(folder=tmp_path, processes=3)
    fill(caches, AUTOTUNED)
    warm = [caches.is_warm(step(process, AUTOTUNED)) for process in range(5)]
    assert warm == [False, False, True, False, False]
    with caches.of(step(1, AUTOTUNED)) as folder:
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
