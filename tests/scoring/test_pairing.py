"""Which generated clip answers which real one."""

from pathlib import Path

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.scoring.pairing import by_name, by_table, unique_names, unpaired


def files(*names: str) -> dict[str, Path]:
    return {name: Path(f"{name}.mp4") for name in names}


def places(pairing) -> dict[str, tuple[str | None, int]]:
    return {answer.name: (answer.real, answer.index) for answer in pairing.answers}


def test_the_three_spellings_of_a_sample():
    pairing = by_name(files("a", "b_0", "b_12", "c/0", "c/3"), files("a", "b", "c", "d"))
    assert places(pairing) == {"a": ("a", 0), "b_0": ("b", 0), "b_12": ("b", 12), "c/0": ("c", 0), "c/3": ("c", 3)}
    assert pairing.how == "5 clips paired by name with 3 real clips"
    assert not pairing.left_out


def test_a_real_name_that_ends_in_a_number_wins():
    assert places(by_name(files("clip_1", "clip_1_2"), files("clip", "clip_1"))) == {
        "clip_1": ("clip_1", 0),
        "clip_1_2": ("clip_1", 2),
    }


def test_subfolders():
    assert places(by_name(files("test/a", "x/b_1"), files("a", "y/b"))) == {"test/a": ("a", 0), "x/b_1": ("y/b", 1)}
    # A bare name that stands for two real clips stands for none.
    pairing = by_name(files("a", "x/c"), files("x/a", "y/a", "x/c"))
    assert places(pairing) == {"x/c": ("x/c", 0)}
    assert pairing.left_out == [("a", "no real clip of this name")]


def test_two_clips_for_one_place_are_both_left_out():
    pairing = by_name(files("a_1", "a/1", "b"), files("a", "b"))
    assert places(pairing) == {"b": ("b", 0)}
    assert pairing.left_out == [("a_1 and a/1", "both would be sample 1 of 'a'; rename or remove one")]


def test_no_pairs_names_an_example_and_the_ways_out():
    with pytest.raises(UserError, match=r"no pairs: .*'x'.*'a'.*STEM_K.*--pairs none"):
        by_name(files("x", "y"), files("a", "b"))


def test_without_pairs_every_clip_is_its_own_condition():
    pairing = unpaired(files("x", "y"))
    assert places(pairing) == {"x": (None, 0), "y": (None, 0)}


def test_files_that_share_a_name_are_left_out():
    kept, clashes = unique_names({"a": [Path("x/a.mp4"), Path("x/a.wav")], "b": [Path("x/b.mp4")]}, Path("x"))
    assert kept == {"b": Path("x/b.mp4")}
    assert [what for what, _ in clashes] == ["a.mp4", "a.wav"]
    assert "same name as a.wav" in clashes[0][1]


def test_a_table(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("generated,reference\nx.mp4,a\ny,a.wav\nz,b\nnowhere,b\nx,b\n")
    pairing = by_table(files("x", "y", "z", "w"), files("a", "b"), table)
    assert places(pairing) == {"x": ("a", 0), "y": ("a", 1), "z": ("b", 0)}
    assert pairing.left_out == [
        ("pairs.csv, line 5", "'nowhere' is not among the clips"),
        ("pairs.csv, line 6", "'x' is listed before"),
        ("w", "not listed in pairs.csv"),
    ]


@pytest.mark.parametrize(
    "text", ["\ufeffgenerated,reference\nx,a\n", "generated;reference\nx.y;a\n", "generated,reference\n.,a\nx,a\n"]
)
def test_tables_as_spreadsheets_write_them(tmp_path, text):
    table = tmp_path / "pairs.csv"
    table.write_text(text, encoding="utf-8")
    assert set(places(by_table(files("x", "x.y"), files("a"), table))) <= {"x", "x.y"}


def test_a_table_in_another_encoding(tmp_path):
    (tmp_path / "pairs.csv").write_bytes("generated,reference\né,a\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"pairs\.csv is not UTF-8 text"):
        by_table(files("x"), files("a"), tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gen,ref\nx,a\n", "has no column generated and reference; found gen, ref"),
        ("", "found none"),
        ("generated,reference\n", "It has no rows"),
        ("generated,reference\nq,a\n", "'q' is not among the clips"),
    ],
)
def test_tables_that_pair_nothing(tmp_path, text, complaint):
    table = tmp_path / "pairs.csv"
    table.write_text(text)
    with pytest.raises(UserError, match=complaint):
        by_table({}, files("a"), table)
    with pytest.raises(UserError, match="no such file"):
        by_table({}, files("a"), tmp_path / "absent.csv")
