"""How a batch size was found, in one line."""

from gpubench import units
from gpubench.bench.found_batch import chosen
from gpubench.bench.record import BatchSearch, RunRecord, WorkloadFacts

ENDS = {
    "memory": "the next did not fit",
    "forecast": "the next would not have fitted by the sizes before",
    "flat": "larger ones were no faster",
    "time": "the time for searching was over",
    "largest": "no larger one is tried",
}


def search_lines(record: RunRecord, facts: WorkloadFacts) -> list[str]:
    """What the search of this suite came to; empty where there was none."""
    if not record.header.plan.batch_search:
        return []
    found = {each.mode: each for each in record.of(BatchSearch) if each.suite == facts.suite}
    if not found:
        return []
    variant = next(iter(found.values())).variant
    where = f", with {variant}" if variant else ""
    told = "; ".join(f"{mode} {_told(each)}" for mode, each in found.items())
    shared = "one size for all modes, the smallest found" if len(found) > 1 else "for all modes"
    size = chosen(list(found.values())) or 1
    return [f"batch {size} was searched for ({shared}{where}): {told}"]


def _told(search: BatchSearch) -> str:
    if search.found is None:
        return f"{search.state.replace('-', ' ')}: {search.reason}"
    tried = [each.batch_size for each in search.tries if each.tried]
    room = "" if search.room_bytes is None else f" of {units.memory(search.room_bytes)}"
    peak = next((each.peak_bytes for each in search.tries if each.batch_size == search.found), None)
    return (
        f"{search.found} (peak {units.memory(peak)}{room}; sizes up to {max(tried)} tried, "
        f"{ENDS.get(search.ended or '', 'ended')})"
    )
