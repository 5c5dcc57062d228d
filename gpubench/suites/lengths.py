"""Sentences of every length: the few lengths they are padded to, and windows over long ones."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from gpubench.suites.order import endless_indices

EDGES = 4
"""How many lengths batches may have: each is compiled once, and torch gives up after eight."""

CYCLE = 32
"""After so many batches every length has had its share of them, to within one (own choice)."""

OVERLAP_SHARE = 4
"""Windows share a quarter of their length with the one before (own choice)."""


def edges(lengths: Sequence[int], longest: int) -> tuple[int, ...]:
    """The lengths to pad to: quarters of ``longest``, in eights, less those hardly needed.

    A length that fewer than one sentence in two cycles' batches needs is left out, and its
    sentences are padded to the next; the largest that is needed stays.
    """
    quarters = sorted(
        {min(longest, -(-longest * part // (8 * EDGES)) * 8) for part in range(1, EDGES + 1)}
    )
    needed = Counter(_first(quarters, min(length, longest)) for length in lengths)
    top = max(needed)
    often = [edge for edge in quarters if needed[edge] * 2 * CYCLE >= len(lengths)]
    return tuple(sorted({*often, top}))


def buckets(lengths: Sequence[int], all_edges: Sequence[int]) -> dict[int, list[int]]:
    """The indices of ``lengths`` by the edge each is padded to; longer ones under the last."""
    found: dict[int, list[int]] = {edge: [] for edge in all_edges}
    for index, length in enumerate(lengths):
        found[_first(all_edges, length)].append(index)
    return {edge: indices for edge, indices in found.items() if indices}


def _first(all_edges: Sequence[int], length: int) -> int:
    return next((edge for edge in all_edges if length <= edge), all_edges[-1])


def mixed(
    by_edge: dict[int, list[int]], batch_size: int, seed: int
) -> Iterator[tuple[int, list[int]]]:
    """Batches of one edge each, without end: every edge once, then as often as its share asks.

    At any time an edge has had its share of the batches, to within one.
    """
    total = sum(map(len, by_edge.values()))
    shares = {edge: len(indices) / total for edge, indices in by_edge.items()}
    sources = {
        edge: endless_indices(len(indices), seed + edge) for edge, indices in by_edge.items()
    }
    given = dict.fromkeys(by_edge, 0)
    for number in itertools.count(1):
        missing = [edge for edge in by_edge if not given[edge]]
        edge = missing[0] if missing else max(
            by_edge, key=lambda edge: shares[edge] * number - given[edge]
        )  # fmt: skip
        given[edge] += 1
        yield edge, [by_edge[edge][next(sources[edge])] for _ in range(batch_size)]


def windows(tokens_per_word: Sequence[int], room: int) -> list[tuple[int, int, int]]:
    """Ranges of words that fit into ``room`` tokens and together hold every word.

    Each is (first word, word after the last, first word that no range before holds). A range
    begins with up to a quarter of ``room`` tokens of the one before; a word that alone has more
    tokens than fit has a range of its own, which is cut inside that word.
    """
    found: list[tuple[int, int, int]] = []
    new, words = 0, len(tokens_per_word)
    while new < words:
        start = _overlapping(tokens_per_word, new, room) if new else 0
        end, used = new, sum(tokens_per_word[start:new])
        while end < words and (used + tokens_per_word[end] <= room or end == new):
            used += tokens_per_word[end]
            end += 1
        if used > room:
            start = new
        found.append((start, end, new))
        new = end
    return found or [(0, 0, 0)]


def _overlapping(tokens_per_word: Sequence[int], new: int, room: int) -> int:
    """The first word before ``new`` whose tokens still fit into the overlap."""
    start, used = new, 0
    while start and used + tokens_per_word[start - 1] <= room // OVERLAP_SHARE:
        start -= 1
        used += tokens_per_word[start]
    return start
