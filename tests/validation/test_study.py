"""A small validation from end to end, on procedural clips and on files."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clips import clicks, clip
from scoring.known import Known

from cmmd_bench.datasets import open_dataset
from cmmd_bench.errors import UserError
from cmmd_bench.extractors import get_extractor
from cmmd_bench.media import write_clip
from cmmd_bench.scoring.comparisons import difference_between
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.types import ClipSpec
from cmmd_bench.validation.faults import FAULTS
from cmmd_bench.validation.faulty import Faulty, Source, longer, share
from cmmd_bench.validation.study import FEWEST, touches, validate
from cmmd_bench.validation.verdicts import verdicts

SPEC = ClipSpec(1.0, Fraction(10), 32, 32, 16_000)
MARGIN = 0.2
LABELS = ("fvd[conv3d-random]", "fad[logmel-stats]", "beat-hit@100ms[truth]")
NAMES = ("blur", "sound-late", "sound-swap")


def faults(*names: str):
    return [fault for fault in FAULTS if fault.name in names]


def metrics(*labels: str):
    return [parse_metric(label) for label in labels]


class Counted:
    """A dataset that knows how often it was asked for a clip."""

    def __init__(self, dataset) -> None:
        self.dataset, self.loads = dataset, []
        self.name, self.spec = dataset.name, dataset.spec

    def items(self):
        return self.dataset.items()

    def fingerprint(self, item):
        return self.dataset.fingerprint(item)

    def load(self, item):
        self.loads.append(item.id)
        return self.dataset.load(item)


def dances(size: int = 16, margin: float = MARGIN) -> Counted:
    return Counted(open_dataset("beatdance", longer(SPEC, margin), size=size))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("validation")


@pytest.fixture(scope="module")
def study(cache):
    faulty = Faulty(dances(), SPEC, MARGIN)
    return faulty, validate(faulty, metrics(*LABELS), faults=faults(*NAMES), cache=cache, workers=1)


def halves(faulty):
    """Items scored and reference: groups in the order of their shares, every other one."""
    items = sorted(faulty.dataset.items(), key=share)
    return items[::2], items[1::2]


def by_hand(faulty, fault: str | None, level: float, labels=LABELS):
    """The row of a fault and what scores it, from clips shown to extractors one by one."""
    scored, reference = halves(faulty)
    arrays = {}

    def look(name, source, extractors):
        made = faulty(source)
        for extractor in extractors:
            arrays[name, extractor] = get_extractor(extractor).see(made)

    every = {x for label in labels for x in parse_metric(label).extractors}
    samples = []
    for place, item in enumerate(scored):
        other = scored[(place + 1) % len(scored)]
        look(f"made/{item.id}", Source(item, other, fault, level), every)
        truth = faulty.truth(item)
        samples.append(Sample(f"made/{item.id}", item.id, item.id, 0, f"real/{item.id}", truth))
        look(f"real/{item.id}", Source(item, item), every)
    for item in reference:
        look(f"ref/{item.id}", Source(item, item), every)
    scorer = Scorer(Known(arrays), [f"ref/{item.id}" for item in reference], 1.0, 10.0)
    return RowOfTable("by hand", "joint", samples), scorer


def test_untouched_rows_equal_scoring(study):
    faulty, found = study
    row, scorer = by_hand(faulty, None, 0.0)
    for label in LABELS:
        expected = scorer.score(parse_metric(label), row)[0]
        for curve in found.curves:
            if curve.metric.label == label:
                assert replace(curve.untouched, model="by hand") == expected


@pytest.mark.parametrize(("fault", "level"), [("blur", 2), ("sound-late", 0.1), ("sound-swap", 1)])
def test_a_level_equals_scoring_and_comparing(study, fault, level):
    faulty, found = study
    (row, scorer), (plain, plain_scorer) = by_hand(faulty, fault, level), by_hand(faulty, None, 0.0)
    made = {(name.replace("made/", "faulty/"), x): a for (name, x), a in scorer.views._arrays.items() if "made" in name}
    both = Scorer(Known({**plain_scorer.views._arrays, **made}), scorer.reference, 1.0, 10.0)
    row = replace(row, samples=[replace(s, view=s.view.replace("made/", "faulty/")) for s in row.samples])
    for curve in found.curves:
        if curve.fault.name == fault:
            (step,) = (step for step in curve.steps if step.level == level)
            assert replace(step.result, model="by hand") == both.score(curve.metric, row)[0]
            sides = (row, plain) if curve.metric.direction == "lower" else (plain, row)
            assert step.harm == difference_between(curve.metric, *sides, both)


def test_curves_are_of_the_sides_that_are_looked_at(study):
    _, found = study
    assert [(curve.metric.label, curve.fault.name) for curve in found.curves] == [
        (LABELS[0], "blur"),
        (LABELS[1], "sound-late"),
        (LABELS[2], "sound-late"),
        (LABELS[1], "sound-swap"),
        (LABELS[2], "sound-swap"),
    ]
    assert found.clips == (8, 8)
    both = parse_metric("av-align")
    assert all(touches(fault, both) for fault in FAULTS)


def test_harm_is_positive_where_it_is_worse(study):
    _, found = study
    table = {(curve.metric.label, curve.fault.name): curve for curve in found.curves}
    blur, late = table[LABELS[0], "blur"], table[LABELS[2], "sound-late"]
    assert blur.steps[-1].result.value > blur.untouched.value
    assert blur.steps[-1].harm.estimate == pytest.approx(blur.steps[-1].result.value - blur.untouched.value, rel=1e-9)
    assert late.steps[-1].result.value < late.untouched.value
    assert late.steps[-1].harm.estimate == pytest.approx(late.untouched.value - late.steps[-1].result.value)
    (judged,) = (v for v in verdicts(found) if (v.metric, v.fault) == (LABELS[0], "blur"))
    assert (judged.levels, judged.monotone, judged.rank_correlation) == (4, True, pytest.approx(1))


def test_shifts_that_clips_are_too_short_for_are_said(study):
    _, found = study
    assert found.skipped == ("sound-late of 0.4 s", "sound-late of 1 s")
    for curve in found.curves:
        levels = [step.level for step in curve.steps]
        assert levels == ([0.04, 0.1, 0.2] if curve.fault.name == "sound-late" else list(curve.fault.levels))
    none = validate(Faulty(dances(margin=0.0), SPEC, 0.0), metrics(LABELS[1]), faults=faults("sound-early"), workers=1)
    assert len(none.skipped) == 5
    assert [curve.steps for curve in none.curves] == [()]
    assert [v.seen_from for v in verdicts(none)] == [None]


def test_the_same_again_looks_at_nothing(study, cache):
    _, found = study
    again = Faulty(dances(), SPEC, MARGIN)
    assert validate(again, metrics(*LABELS), faults=faults(*NAMES), cache=cache, workers=1) == found
    assert again.dataset.loads == []


def test_more_metrics_and_faults_do_only_what_is_missing(study, cache):
    _, found = study
    more = Faulty(dances(), SPEC, MARGIN)
    wide = validate(more, metrics(*LABELS, "kvd[conv3d-random]"), faults=faults(*NAMES, "gain"), cache=cache, workers=1)
    old = {(curve.metric.label, curve.fault.name): curve for curve in wide.curves}
    assert all(old[curve.metric.label, curve.fault.name] == curve for curve in found.curves)
    # Only the scored half has the new fault, and each of its clips is rendered once for all levels.
    assert sorted(more.dataset.loads) == sorted(item.id for item in halves(more)[0])


def test_each_clip_is_rendered_once_for_all_its_faults(tmp_path):
    faulty = Faulty(dances(), SPEC, MARGIN)
    validate(faulty, metrics(LABELS[1]), faults=faults("gain", "silence", "sound-late"), cache=tmp_path, workers=1)
    assert sorted(faulty.dataset.loads) == sorted(item.id for item in faulty.dataset.items())


def test_what_was_interrupted_goes_on(study, tmp_path):
    """Killed at any clip, the second call looks at the rest and says the same."""
    _, found = study

    class Stopped(Counted):
        def load(self, item):
            if len(self.loads) == 5:
                raise KeyboardInterrupt
            return super().load(item)

    first = Faulty(Stopped(dances().dataset), SPEC, MARGIN)
    with pytest.raises(KeyboardInterrupt):
        validate(first, metrics(*LABELS), faults=faults(*NAMES), cache=tmp_path, workers=1)
    second = Faulty(dances(), SPEC, MARGIN)
    assert validate(second, metrics(*LABELS), faults=faults(*NAMES), cache=tmp_path, workers=1) == found
    assert set(second.dataset.loads) < {item.id for item in second.dataset.items()}


def test_too_few_clips(tmp_path):
    faulty = Faulty(dances(size=15), SPEC, MARGIN)
    with pytest.raises(
        UserError, match=f"at least {FEWEST} clips on either side, found 8 to score and 7 for reference"
    ):
        validate(faulty, metrics(LABELS[1]), cache=tmp_path, workers=1)
    assert faulty.dataset.loads == []


def test_one_group_cannot_be_halved(tmp_path):
    class Family(Counted):
        def items(self):
            return [replace(item, group="one") for item in super().items()]

    faulty = Faulty(Family(dances(size=20).dataset), SPEC, MARGIN)
    with pytest.raises(UserError, match="found 20 to score and 0 for reference. Give more clips, or more groups"):
        validate(faulty, metrics(LABELS[1]), cache=tmp_path, workers=1)


def test_groups_stay_on_one_side_and_swaps_cross_them(tmp_path):
    class Pairs(Counted):
        def items(self):
            return [replace(item, group=f"g{k // 2}") for k, item in enumerate(super().items())]

    asked = []

    class Seen(Faulty):
        def __call__(self, source):
            asked.append(source)
            return super().__call__(source)

    faulty = Seen(Pairs(dances(size=24).dataset), SPEC, MARGIN)
    validate(faulty, metrics(LABELS[1]), faults=faults("sound-swap"), cache=tmp_path, workers=1)
    scored = {source.item.group for source in asked if source.fault}
    reference = {source.item.group for source in asked} - scored
    assert len(scored) == len(reference) == 6
    swaps = [source for source in asked if source.fault]
    assert all(source.item.group != source.other.group for source in swaps)
    assert all(source.other.group in scored for source in swaps)


def test_a_metric_that_does_not_exist_is_refused_before_any_work(tmp_path):
    faulty = Faulty(dances(), SPEC, MARGIN)
    with pytest.raises(UserError, match="clop-2023"):
        validate(faulty, metrics("fad[clop-2023]"), cache=tmp_path, workers=1)
    assert faulty.dataset.loads == []


def test_clips_from_files(tmp_path):
    for index in range(16):
        write_clip(tmp_path / "clips" / f"c{index:02d}.mkv", clip(index, seconds=1.4))
    dataset = open_dataset("folder", longer(SPEC, MARGIN), root=tmp_path / "clips")
    labels = ("fad[logmel-stats]", "pairwise-fvd[conv3d-random]")
    found = validate(
        Faulty(dataset, SPEC, MARGIN), metrics(*labels), faults=faults("gain", "blur"), cache=tmp_path / "c", workers=1
    )
    assert found.clips == (8, 8)
    blur, gain = found.curves
    assert (gain.fault.name, blur.fault.name) == ("gain", "blur")
    # Against their own untouched clips they are untouched.
    assert blur.untouched.value == pytest.approx(0, abs=1e-9)
    assert all(step.harm.estimate > 0 for step in (gain.steps[-1], blur.steps[-1]))


def test_files_without_pictures_give_reasons_instead_of_verdicts(tmp_path):
    (tmp_path / "clips").mkdir()
    for index in range(16):
        soundfile.write(tmp_path / "clips" / f"{index:02d}.wav", clicks(1.4, seed=index), 16_000)
    faulty = Faulty(open_dataset("folder", longer(SPEC, MARGIN), root=tmp_path / "clips"), SPEC, MARGIN)
    labels = ("fvd[conv3d-random]", "fad[logmel-stats]", "beat-hit@100ms[truth]")
    found = validate(faulty, metrics(*labels), faults=faults("blur", "gain"), cache=tmp_path / "c", workers=1)
    levels = {v.metric: v.levels for v in verdicts(found)}
    assert levels == {labels[0]: 0, labels[1]: 4, labels[2]: 0}
    why = {curve.metric.label: curve.untouched.why for curve in found.curves}
    assert why[labels[0]] == "needs at least 2 generated clips, found 0"
    assert why[labels[2]] == "the dataset does not know true beats"


@pytest.mark.slow
def test_workers_change_nothing(study, tmp_path):
    _, found = study
    spread = validate(
        Faulty(dances().dataset, SPEC, MARGIN), metrics(*LABELS), faults=faults(*NAMES), cache=tmp_path, workers=2
    )
    assert spread == found
    assert np.isfinite([step.result.value for curve in spread.curves for step in curve.steps]).all()
