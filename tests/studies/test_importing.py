"""Each importer on a small file in the other tool's layout, and on what it must refuse."""

import json
from pathlib import Path

import pytest

from cmmd_bench.errors import UserError
from cmmd_study.importing import FORMATS, import_table
from cmmd_study.importing.naming import Naming


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def brief(rows):
    return [(row.rater, row.clip, row.system, row.sample, row.question, row.score, row.role) for row in rows]


MUSHRA = """session_test_id,email,age,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment
t,a@b.c,30,u1,song,reference,100,5210,""
t,a@b.c,30,u1,song,C1,42,5210,"fine, really"
t,d@e.f,30,u2,song,C1,0,99,
"""


def test_webmushra_mushra(tmp_path):
    rows = import_table(file(tmp_path, "mushra.csv", MUSHRA), "webmushra")
    assert brief(rows) == [
        ("u1", "song", "reference", "0", "rating", 100, "rated"),
        ("u1", "song", "C1", "0", "rating", 42, "rated"),
        ("u2", "song", "C1", "0", "rating", 0, "rated"),
    ]
    assert {(row.lowest, row.highest) for row in rows} == {(0, 100)}


def test_webmushra_likert_pages_number_raters_and_keep_addresses_out(tmp_path):
    lms = (
        "session_test_id,email,trial_id,stimuli_rating,stimuli,rating_time\nt,a@b.c,p1, 4 ,C1,5\nt,d@e.f,p1, 2 ,C1,5\n"
    )
    rows = import_table(file(tmp_path, "lms.csv", lms), "webmushra")
    assert brief(rows) == [
        ("rater-001", "p1", "C1", "0", "rating", 4, "rated"),
        ("rater-002", "p1", "C1", "0", "rating", 2, "rated"),
    ]
    lss = (
        "session_test_id,email,trial_id,stimuli_rating1,stimuli_rating2,stimuli,rating_time\n"
        "t,a@b.c,p1,4,7,dance_cmmd_1.mp4,5\n"
    )
    path = file(tmp_path, "lss.csv", lss)
    rows = import_table(path, "webmushra", stimulus="{clip}_{system}_{sample}", scale=(1, 7))
    assert brief(rows) == [
        ("rater-001", "dance", "cmmd", "1", "rating1", 4, "rated"),
        ("rater-001", "dance", "cmmd", "1", "rating2", 7, "rated"),
    ]


def test_webmushra_refuses_choices_and_words(tmp_path):
    choices = "session_test_id,email,trial_id,choice_reference,choice_non_reference,choice_answer\nt,e,p,a,b,a\n"
    with pytest.raises(UserError, match="Choices and pairs cannot be analysed"):
        import_table(file(tmp_path, "paired_comparison.csv", choices), "webmushra")
    words = "session_test_id,trial_id,stimuli_rating,stimuli,rating_time\nt,p,not at all,C1,5\n"
    with pytest.raises(UserError, match="line 2: stimuli_rating must be a number, found 'not at all'"):
        import_table(file(tmp_path, "lms.csv", words), "webmushra")


def test_listen_and_rate_folder_of_sessions(tmp_path):
    file(
        tmp_path,
        "exp/b.csv",
        "tool_version,session_id,timestamp,test_type,metadata_device,system,item,rating,metrics_dwell_time\n"
        "0.2.1,s2,2026-01-01T00:00:00+00:00,mos,phones,cmmd,c1,4,2.50\n",
    )
    session = {"session_id": "s1", "timestamp": "t", "test_type": "mos", "metadata": [], "records": []}
    session["records"] = [{"system": "gt", "item": "c1", "rating": 5}, {"system": "cmmd", "item": "c1", "rating": 2}]
    file(tmp_path, "exp/a.json", json.dumps(session))
    rows = import_table(tmp_path / "exp", "listen-and-rate")
    assert brief(rows) == [
        ("s1", "c1", "gt", "0", "mos", 5, "rated"),
        ("s1", "c1", "cmmd", "0", "mos", 2, "rated"),
        ("s2", "c1", "cmmd", "0", "mos", 4, "rated"),
    ]


def test_listen_and_rate_before_items_and_on_other_tests(tmp_path):
    old = {"session_id": "s", "test_type": "mushra", "ratings": [{"system": "a", "utterance": "u-2", "rating": 80}]}
    (row,) = import_table(file(tmp_path, "old.json", json.dumps(old)), "listen-and-rate", stimulus="{clip}-{sample}")
    assert (row.clip, row.sample, row.score, row.highest) == ("u", "2", 80, 100)
    pairs = "session_id,timestamp,test_type,system_a,system_b,item,winner\ns,t,ab,a,b,c,a\n"
    with pytest.raises(UserError, match="test_type 'ab' cannot be analysed"):
        import_table(file(tmp_path, "ab.csv", pairs), "listen-and-rate")
    with pytest.raises(UserError, match="is not a session of listen-and-rate"):
        import_table(file(tmp_path, "bad.json", '["a"]'), "listen-and-rate")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no \.csv or \.json"):
        import_table(tmp_path / "empty", "listen-and-rate")


def test_reseval_mos_and_mushra(tmp_path):
    mos = "Stem,Participant,OrderAsked,Response\nclip-1,p1,0,my-model-4\nclip-1,p1,1,gt-5\n"
    rows = import_table(file(tmp_path, "mos/responses.csv", mos), "reseval")
    assert brief(rows) == [
        ("p1", "clip-1", "my-model", "0", "rating", 4, "rated"),
        ("p1", "clip-1", "gt", "0", "rating", 5, "rated"),
    ]
    assert [row.place for row in rows] == [0, 1]
    mushra = "Stem,Participant,OrderAsked,Response\nc,p1,0,067100\n"
    path = file(tmp_path, "mushra/responses.csv", mushra)
    with pytest.raises(UserError, match="conditions.csv is missing"):
        import_table(path, "reseval")
    file(tmp_path, "mushra/conditions.csv", "Condition\nours\ngt\n")
    rows = import_table(tmp_path / "mushra", "reseval")
    assert [(row.system, row.score, row.highest) for row in rows] == [("gt", 67, 100), ("ours", 100, 100)]
    with pytest.raises(UserError, match="line 2: Response must be <condition>-<score>, found 'A'"):
        import_table(file(tmp_path, "ab/responses.csv", "Stem,Participant,OrderAsked,Response\nc,p,0,A\n"), "reseval")


VOTES = """HITId,workerid,assignment_id,assignmentstatus,file,short_file_name,vote,question_type,condition_num
h1,w1,a1,Approved,https://host/x/take_2_cmmd.wav,take_2_cmmd.wav,4,MOS_SIG,03
h1,w1,a1,Approved,https://host/x/take_2_cmmd.wav,take_2_cmmd.wav,2,MOS_BAK,03
h2,w1,a2,Approved,https://host/x/take_2_cmmd.wav,take_2_cmmd.wav,5,MOS_SIG,03
"""


@pytest.mark.parametrize("format_", ["p808", "p910"])
def test_votes_per_worker(tmp_path, format_):
    path = file(tmp_path, "batch_votes_per_worker.csv", VOTES)
    rows = import_table(path, format_, stimulus="{clip}_{system}")
    assert brief(rows) == [
        ("w1", "take_2", "cmmd", "0", "MOS_SIG", 4, "rated"),
        ("w1", "take_2", "cmmd", "0", "MOS_BAK", 2, "rated"),
        ("w1", "take_2", "cmmd", "0", "MOS_SIG", 5, "repeat"),
    ]
    with pytest.raises(UserError, match="names stimuli only"):
        import_table(path, format_)


DATASET = """# scores as sureal has them
dataset_name = 'test'
ref_score = 5.0
ref_videos = [{'content_id': 0, 'content_name': 'foo', 'path': 'foo.mp4'}]
dis_videos = [
    {'asset_id': 0, 'content_id': 0, 'os': {'Tom': [3, 2], 'Jerry': 4, 'Eve': None}, 'path': 'dir/foo_cmmd.mp4'},
    {'asset_id': 1, 'content_id': 0, 'os': {'Tom': 5}, 'path': 'foo.mp4'},
]
"""


def test_sureal_python_file_is_read_and_never_run(tmp_path):
    trap = tmp_path / "trap"
    text = DATASET + f"open({str(trap)!r}, 'w').close()\nyuv_fmt = str(1)\n"
    rows = import_table(file(tmp_path, "data.py", text), "sureal", stimulus="{}_{system}")
    assert brief(rows) == [
        ("Tom", "foo", "cmmd", "0", "rating", 3, "rated"),
        ("Tom", "foo", "cmmd", "0", "rating", 2, "repeat"),
        ("Jerry", "foo", "cmmd", "0", "rating", 4, "rated"),
        ("Tom", "foo", "reference", "0", "rating", 5, "rated"),
    ]
    assert not trap.exists()


def test_sureal_json_with_lists_of_scores(tmp_path):
    data = {
        "ref_score": 100,
        "ref_videos": [{"content_id": "a", "path": "a.mp4"}],
        "dis_videos": [{"content_id": "a", "path": "a_x_1.mp4", "os": [80, float("nan"), [60, 70]]}],
    }
    path = file(tmp_path, "data.json", json.dumps(data))
    rows = import_table(path, "sureal", stimulus="{clip}_{system}_{sample}")
    assert brief(rows) == [
        ("observer-001", "a", "x", "1", "rating", 80, "rated"),
        ("observer-003", "a", "x", "1", "rating", 60, "rated"),
        ("observer-003", "a", "x", "1", "rating", 70, "repeat"),
    ]
    assert (rows[0].lowest, rows[0].highest) == (0, 100)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "[1]", "must hold one JSON object, found a list"),
        ("a.json", "{", "cannot be read as JSON"),
        ("a.py", "dis_videos = [", "cannot be read as JSON"),
        ("a.py", "dis_videos = []\n", "needs ref_videos"),
        ("a.py", "import os\nref_videos = []\ndis_videos = [os.getcwd()]\n", "needs ref_videos"),
        ("a.py", "ref_videos = []\ndis_videos = [{'content_id': 0, 'path': 'a_b', 'os': 3}]\n", "os must be a list"),
        ("a.py", "ref_videos = []\ndis_videos = [{'content_id': 0, 'path': 'a_b', 'os': ['x']}]\n", "must be numbers"),
        ("a.py", "ref_videos = []\ndis_videos = []\n", "holds no ratings"),
    ],
)
def test_sureal_refuses(tmp_path, name, text, said):
    with pytest.raises(UserError, match=said):
        import_table(file(tmp_path, name, text), "sureal", stimulus="{}_{system}")


def test_bad_rows_of_any_format_are_told_with_their_line(tmp_path):
    twice = MUSHRA + "t,a@b.c,30,u1,song,C1,43,1,\n"
    with pytest.raises(UserError, match="line 5: rater 'u1' rates clip 'song', .* a second time, after .*line 3"):
        import_table(file(tmp_path, "twice.csv", twice), "webmushra")
    with pytest.raises(UserError, match="line 5: score 101 is off the scale 0 to 100"):
        import_table(file(tmp_path, "off.csv", MUSHRA + "t,a@b.c,30,u1,song,C2,101,1,\n"), "webmushra")
    with pytest.raises(UserError, match="line 4: no rater named 'u2'"):
        import_table(file(tmp_path, "who.csv", MUSHRA), "webmushra", raters={"u1"})
    for name in FORMATS:
        with pytest.raises(UserError, match="does not exist"):
            import_table(tmp_path / "nothing", name)
        with pytest.raises(UserError):
            import_table(file(tmp_path, "other.csv", "a,b\n1,2\n"), name, stimulus="{clip}_{system}")
    with pytest.raises(UserError, match="no format named 'webmusra'. Did you mean 'webmushra'"):
        import_table(tmp_path, "webmusra")


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("{clip}_{system}_{sample}", "a_b_cmmd_0.mp4", {"clip": "a_b", "system": "cmmd", "sample": "0"}),
        ("{system}-{clip}", "cmmd-07.wav", {"system": "cmmd", "clip": "07"}),
        ("{}/{system}/{clip}.wav", "https://h/a/cmmd/07.wav", {"system": "cmmd", "clip": "07"}),
        ("{clip}.{system}", "D\\x\\c1.v2", {"clip": "c1", "system": "v2"}),
        ("{clip}[{system}]", "c[m].mp4", {"clip": "c", "system": "m"}),
    ],
)
def test_names_are_taken_apart(pattern, name, found):
    assert Naming.parse(pattern).split(name, "here") == found


def test_names_and_patterns_that_do_not_fit(tmp_path):
    path = file(tmp_path, "votes.csv", VOTES)
    with pytest.raises(UserError, match=r"votes.csv, line 2: stimulus 'take_2_cmmd' is not made up like '\{clip\}\+"):
        import_table(path, "p808", stimulus="{clip}+{system}")
    for pattern, said in [
        ("{clip", "expected '}'"),
        ("{clip}{system}", "text between two fields"),
        ("{item}_{system}", "no field 'item'"),
        ("{clip}_{clip}", "stands twice"),
        ("{sample}", "neither"),
    ]:
        with pytest.raises(UserError, match=said):
            Naming.parse(pattern)
