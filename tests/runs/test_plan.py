"""A run's plan is a pure function of names and seeds."""

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.runs.plan import choose, item_seed, partners, plan, shard
from cmmd_bench.suites import load_suite
from cmmd_bench.types import Item


def items(count: int, group=lambda index: f"g{index}") -> list[Item]:
    return [Item(f"clip-{index:04d}", group(index)) for index in range(count)]


def suite(**data):
    demo = load_suite("demo")
    return demo.model_copy(update={"data": demo.data.model_copy(update={"conditions": 8, "reference": 6, **data})})


def test_conditions_and_references_do_not_overlap():
    conditions, reference = choose(suite(), items(40))
    assert len(conditions) == 8
    assert len(reference) == 6
    assert not {i.id for i in conditions} & {i.id for i in reference}


def test_all_means_conditions_included():
    conditions, reference = choose(suite(reference="all"), items(40))
    assert len(reference) == 40
    assert {i.id for i in conditions} < {i.id for i in reference}


def test_choice_does_not_depend_on_the_order_or_on_later_additions():
    first = choose(suite(), items(40))
    assert choose(suite(), items(40)[::-1]) == first
    grown, _ = choose(suite(), items(41))
    assert len(set(grown) & set(first[0])) >= 7
    assert choose(suite(seed=1), items(40)) != first


def test_too_few_clips():
    with pytest.raises(UserError, match=r"needs 8 conditions and 6 reference clips, but .* has 13"):
        choose(suite(), items(13))


def test_requests_have_stable_unique_names_and_seeds():
    demo = suite().model_copy(update={"samples_per_condition": 3})
    laid_out = plan(demo, items(40), 5).requests
    assert len(laid_out) == 2 * 8 * 3
    assert len({r.id for r in laid_out}) == len(laid_out)
    assert len({r.seed for r in laid_out}) == len(laid_out)
    assert [r.seed for r in plan(demo, items(40), 5).requests] == [r.seed for r in laid_out]
    assert laid_out[0].seed == item_seed(5, laid_out[0].id)
    assert plan(demo, items(40), 6).requests[0].seed != laid_out[0].seed


def test_a_seed_is_the_hash_of_run_seed_and_id():
    import hashlib

    expected = int(hashlib.sha256(b"7:v2a-x-0").hexdigest()[:16], 16)
    assert item_seed(7, "v2a-x-0") == expected


def test_partners_are_a_permutation_without_fixed_points():
    conditions = items(7)
    for sample in range(4):
        table = partners(conditions, sample)
        assert sorted(p.id for p in table.values()) == sorted(i.id for i in conditions)
        assert all(name != partner.id for name, partner in table.items())
    assert partners(conditions, 0) != partners(conditions, 1)


@pytest.mark.parametrize("sizes", [(3, 3, 3), (1, 2, 3), (4, 1, 1, 2), (2, 2), (5, 1, 1), (6, 1)])
def test_partners_are_of_another_group(sizes):
    groups = [f"song{number}" for number, size in enumerate(sizes) for _ in range(size)]
    conditions = items(len(groups), group=lambda index: groups[index])
    group = {item.id: item.group for item in conditions}
    for sample in range(7):
        table = partners(conditions, sample)
        assert all(group[name] != partner.group for name, partner in table.items())
        if 2 * max(sizes) <= len(groups):
            assert sorted(partner.id for partner in table.values()) == sorted(group)


def test_every_sample_has_another_partner_while_there_are_some():
    conditions = items(5, group=lambda index: "AAABC"[index])
    seen = {partners(conditions, sample)["clip-0000"].id for sample in range(2)}
    assert seen == {"clip-0003", "clip-0004"}


def test_one_group_has_no_partners():
    with pytest.raises(UserError, match="at least two groups.*all 3 are of group 'song'"):
        partners(items(3, group=lambda _: "song"), 0)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_divide_the_requests(count):
    requests = plan(suite(), items(40), 0).requests
    parts = [shard(requests, index, count) for index in range(count)]
    assert sorted(r.id for part in parts for r in part) == sorted(r.id for r in requests)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
