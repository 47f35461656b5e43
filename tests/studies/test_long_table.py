"""The long table: what is written comes back, and every mistake is told with its line."""

from dataclasses import replace
from pathlib import Path

import pytest

from cmmd_bench.errors import UserError
from cmmd_study.tables.long_table import COLUMNS, Rated, read_long_table, write_long_table

HEADER = "rater,clip,system,score\n"
FULL = Rated(
    rater="r1",
    section="aist-v2a",
    clip="dance, 1",
    system='cm"md',
    sample="1",
    question="sync",
    score=4.0,
    role="rated",
    place=0,
    plays=2,
    played_share=0.987,
    seconds=1.8,
    viewing_seconds=1.875,
    answer_seconds=0.1,
    late=True,
    finished=False,
    lowest=0.0,
    highest=10.0,
    passed=None,
)


def table(folder: Path, text: str, name: str = "ratings.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.parquet"])
def test_rows_come_back_as_they_were(tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    gold = replace(FULL, role="gold", place=3, passed=True, clip="Ünïcode\nclip", score=2.5)
    bare = Rated(rater="r2", section="b", clip="c", system="s", question="q", score=1)
    write_long_table(tmp_path / name, [FULL, gold, bare])
    assert read_long_table(tmp_path / name) == [FULL, gold, bare]


def test_the_same_rows_give_the_same_bytes_and_all_columns(tmp_path):
    write_long_table(tmp_path / "a.csv", [FULL])
    write_long_table(tmp_path / "b.csv", read_long_table(tmp_path / "a.csv"))
    written = (tmp_path / "a.csv").read_bytes()
    assert written == (tmp_path / "b.csv").read_bytes()
    assert (
        written
        == (
            ",".join(COLUMNS) + '\nr1,aist-v2a,"dance, 1","cm""md",1,sync,4,rated,0,2,0.987,1.8,1.875,0.1,1,0,0,10,\n'
        ).encode()
    )


def test_four_columns_are_enough_and_the_rest_has_defaults(tmp_path):
    (row,) = read_long_table(table(tmp_path, HEADER + "r1,c1,cmmd,3\n"))
    assert row == Rated(rater="r1", clip="c1", system="cmmd", score=3.0)
    assert (row.section, row.question, row.sample, row.role) == ("ratings", "rating", "0", "rated")
    assert (row.lowest, row.highest, row.seconds) == (1.0, 5.0, None)


def test_other_names_scales_delimiters_and_byte_order_marks(tmp_path):
    text = "\ufeffwho;item;model;stars;task;remark\nr1 ; c1;cmmd;70;aist;fine\n"
    names = {"rater": "who", "clip": "item", "system": "model", "score": "stars", "section": "task"}
    (row,) = read_long_table(table(tmp_path, text), names=names, scale=(0, 100))
    assert (row.rater, row.clip, row.score, row.section, row.highest) == ("r1", "c1", 70, "aist", 100)


def test_a_stimulus_may_be_repeated_as_a_repeat_and_nothing_else(tmp_path):
    text = "rater,clip,system,score,role,place\nr1,c,s,3,rated,0\nr1,c,s,4,repeat,7\nr1,c,s,4,repeat,9\n"
    assert len(read_long_table(table(tmp_path, text))) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (HEADER, "holds no ratings"),
        ("rater,clip,score\nr1,c1,3\n", "lacks the column system; it has rater, clip, score"),
        ("rater,clip,system,score,score\nr,c,s,1,1\n", "the column 'score' twice"),
        (HEADER + "r1,c1,cmmd,3\nr1,c2,cmmd,6\n", "line 3: score 6 is off the scale 1 to 5"),
        (HEADER + "r1,c1,cmmd,good\n", "line 2: score must be a number, found 'good'"),
        (HEADER + "r1,c1,cmmd,\n", "line 2: score must be a number, found ''"),
        (HEADER + "r1,c1,cmmd,nan\n", "line 2: score must be a number, found 'nan'"),
        (HEADER + "r1,,cmmd,3\n", "line 2: clip is empty"),
        (
            HEADER + "r1,c1,cmmd,3\nr2,c1,cmmd,3\nr1,c1,cmmd,4\n",
            "line 4: rater 'r1' rates .* a second time, after .* line 2",
        ),
        (HEADER + "r1,c1,cmmd\n", "line 2: found 3 fields, the header has 4"),
        (HEADER + '"r1\nx",c1,cmmd,9\n', "line 3: score 9 is off"),
        (HEADER + 'r1,"c1,cmmd,9\n', "line 2: unexpected end of data"),
        ("rater,clip,system,score,role\nr1,c,s,3,main\n", "line 2: no role named 'main'"),
        ("rater,clip,system,score,late\nr1,c,s,3,perhaps\n", "line 2: late must be 0 or 1, found 'perhaps'"),
        ("rater,clip,system,score,plays\nr1,c,s,3,1.5\n", "line 2: plays must be a whole number, found 1.5"),
        ("rater,clip,system,score,seconds\nr1,c,s,3,-1\n", "line 2: seconds must not be negative"),
        ("rater,clip,system,score,lowest\nr1,c,s,3,1\n", "one end of the scale only"),
        ("rater,clip,system,score,lowest,highest\nr1,c,s,3,5,1\n", "line 2: the scale must run"),
        (
            "rater,clip,system,score,lowest,highest\nr1,c,s,3,1,5\nr2,c,s,3,0,100\n",
            "line 3: question 'rating' has the scale 0 to 100, and 1 to 5 in ratings.csv, line 2",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_long_table(table(tmp_path, text))


def test_unknown_raters_are_refused_where_the_raters_are_known(tmp_path):
    path = table(tmp_path, HEADER + "rater-1,c1,cmmd,3\nrater-9,c1,cmmd,3\n")
    with pytest.raises(UserError, match="line 3: no rater named 'rater-9'. Did you mean 'rater-1'"):
        read_long_table(path, raters={"rater-1"})
    assert len(read_long_table(path, raters={"rater-1", "rater-9"})) == 2


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(UserError, match="is not a file"):
        read_long_table(tmp_path)
    (tmp_path / "latin.csv").write_bytes("rater,clip,system,score\nr\xe4ter,c,s,3\n".encode("latin-1"))
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_long_table(tmp_path / "latin.csv")
    with pytest.raises(UserError, match="no column named 'stars'"):
        read_long_table(table(tmp_path, HEADER + "r,c,s,3\n"), names={"stars": "score"})
    pytest.importorskip("pyarrow")
    with pytest.raises(UserError, match="not a Parquet file"):
        read_long_table(table(tmp_path, "nothing", "ratings.parquet"))
