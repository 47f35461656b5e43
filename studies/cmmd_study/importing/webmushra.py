"""webMUSHRA: results/<test>/mushra.csv, lms.csv or lss.csv, as its service/write.php appends them (2015 to 2023).

    session_test_id, <what participants were asked>..., session_uuid, trial_id, then for each kind of page
    mushra.csv   rating_stimulus, rating_score, rating_time (ms), rating_comment     0 to 100
    lms.csv      stimuli_rating, stimuli, rating_time                                1 to 5, unless --scale says else
    lss.csv      stimuli_rating, or stimuli_rating1, stimuli_rating2, ... one for each question; stimuli, rating_time

trial_id is the clip and the stimulus the system (C1, reference, anchor35), unless --stimulus takes its name apart.
session_uuid names the rater. lms.csv, lss.csv and older files lack it: there a rater is a combination of all that was
asked of participants, numbered as they come, because those answers may be an e-mail address.
Choices (paired_comparison.csv) are no ratings, and bs1116.csv rates pairs; neither is read.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cmmd_bench.errors import UserError
from cmmd_study.importing.naming import Naming, named
from cmmd_study.tables.rated import Placed, Rated
from cmmd_study.tables.rows import Row, read_rows

MUSHRA, LIKERT = (0.0, 100.0), (1.0, 5.0)


def read(path: Path, naming: Naming | None, scale: tuple[float, float] | None) -> Iterator[Placed]:
    """Rows of one file; UserError when it is none of the three."""
    rows = read_rows(path, ("session_test_id", "trial_id"))
    header = list(rows[0].values)
    if "rating_score" in header and "rating_stimulus" in header:
        questions, column, (low, high) = ["rating_score"], "rating_stimulus", scale or MUSHRA
    elif "stimuli" in header:
        questions = [name for name in header if name.startswith("stimuli_rating")]
        column, (low, high) = "stimuli", scale or LIKERT
    else:
        questions = []
    if not questions:
        raise UserError(
            f"{path} is not webMUSHRA's mushra.csv, lms.csv or lss.csv: it has {', '.join(header)}. Choices and pairs"
            " cannot be analysed as ratings."
        )
    numbers: dict[tuple[str, ...], str] = {}
    for row in rows:
        name = row.values[column]
        stimulus = named(naming, name, row.where, clip=row.values["trial_id"], system=name)
        rater = _rater(row, header, numbers)
        for question in questions:
            rated = Rated(
                rater=rater,
                clip=stimulus.clip,
                system=stimulus.system,
                sample=stimulus.sample,
                question="rating" if len(questions) == 1 else question.removeprefix("stimuli_"),
                score=row.number(question),
                lowest=low,
                highest=high,
            )
            yield row.where, rated


def _rater(row: Row, header: Sequence[str], numbers: dict[tuple[str, ...], str]) -> str:
    if "session_uuid" in header:
        return row.values["session_uuid"]
    asked = tuple(row.values[name] for name in header[1 : header.index("trial_id")])
    return numbers.setdefault(asked, f"rater-{len(numbers) + 1:03}")
