"""What a run will do, from the suite alone: which items, which requests, which seeds.

Everything here is a pure function of names and seeds, so every machine, shard and worker plans the same run.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmmd_bench.errors import UserError
from cmmd_bench.suites import Suite
from cmmd_bench.types import Item, Task


@dataclass(frozen=True, slots=True)
class Planned:
    """One sample to be made: the `sample`-th answer of a model to the condition cut from `item`."""

    id: str
    task: Task
    item: Item
    sample: int
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of a run, in order, and the items they are conditioned on and compared with."""

    conditions: tuple[Item, ...]
    reference: tuple[Item, ...]
    requests: tuple[Planned, ...]


def plan(suite: Suite, items: Sequence[Item], seed: int) -> Plan:
    """Choose conditions and reference items by the suite's seed, and lay out the requests with the run's `seed`."""
    conditions, reference = choose(suite, items)
    requests = [
        Planned(name, task, item, sample, item_seed(seed, name))
        for task in suite.tasks
        for item in conditions
        for sample in range(suite.samples_per_condition)
        for name in [f"{task}-{item.id}-{sample}"]
    ]
    return Plan(conditions, reference, tuple(requests))


def choose(suite: Suite, items: Sequence[Item]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Conditions and reference items, in an order drawn by hash: adding items to a set reorders none of the others."""
    data = suite.data
    wanted = data.conditions + (data.reference if isinstance(data.reference, int) else 0)
    if len(items) < wanted:
        raise UserError(
            f"suite {suite.name!r} needs {data.conditions} conditions and {data.reference} reference clips, "
            f"but dataset {data.dataset!r} (split {data.split}) has {len(items)}. Give it more clips, or lower both "
            "in a suite of your own."
        )
    drawn = sorted(items, key=lambda item: _digest(data.seed, item.id))
    conditions = tuple(drawn[: data.conditions])
    reference = drawn if data.reference == "all" else drawn[data.conditions : wanted]
    return conditions, tuple(sorted(reference, key=lambda item: item.id))


def partners(conditions: Sequence[Item], sample: int) -> dict[str, Item]:
    """For each condition's id another one that cannot match it, because it is of another group; others for each sample.

    With m the size of the largest group, conditions in the order of their groups are matched with those m or more
    places further on: a permutation, so the set of partners is the set itself. Where one group holds more than half
    of all conditions there is none, and its members share the others as partners.
    """
    groups: dict[str, list[Item]] = {}
    for item in conditions:
        groups.setdefault(item.group, []).append(item)
    if len(groups) < 2:
        raise UserError(
            "the floor 'shuffled' needs conditions of at least two groups (songs, scenes), "
            f"but all {len(conditions)} are of group {conditions[0].group!r}. Use more varied clips."
        )
    ordered = [item for group in sorted(groups, key=lambda name: _digest(0, name)) for item in groups[group]]
    count, largest = len(ordered), max(map(len, groups.values()))
    if 2 * largest <= count:
        shift = largest + sample % (count - 2 * largest + 1)
        return {item.id: ordered[(index + shift) % count] for index, item in enumerate(ordered)}
    table = {}
    for index, item in enumerate(ordered):
        others = [other for other in ordered if other.group != item.group]
        table[item.id] = others[(index + sample) % len(others)]
    return table


def item_seed(seed: int, name: str) -> int:
    """The first 8 bytes of SHA-256(run seed, request id): the same for every model, so that models share their luck."""
    return int.from_bytes(_digest(seed, name)[:8], "big")


def shard(requests: Iterable[Planned], index: int, count: int) -> list[Planned]:
    """Every `count`-th request, starting at the `index`-th."""
    return [request for position, request in enumerate(requests) if position % count == index]


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
