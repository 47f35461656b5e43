"""Microsoft's P.808 and P.910 toolkits: [answers]_votes_per_worker*.csv, which their result_parser.py writes.

    HITId, workerid, [assignment_id, assignmentstatus,] file, short_file_name, vote, [question_type,] <condition keys>

One row per vote that passed the toolkit's cleaning, gold and trapping clips left out. question_type (MOS, MOS_SIG, ...)
is in newer P.808 files, else there is one question. ACR votes are 1 to 5; say --scale -3:3 for CCR, and so on.
`file` is a name or address: --stimulus says which parts of it are clip and system. A worker may meet a file in several
sessions, of which the first counts; later votes become repeats.
"""

from collections.abc import Iterator
from pathlib import Path

from cmmd_study.importing.naming import Naming, named
from cmmd_study.tables.rated import Placed, Rated
from cmmd_study.tables.rows import read_rows

ACR = (1.0, 5.0)


def read(path: Path, naming: Naming | None, scale: tuple[float, float] | None) -> Iterator[Placed]:
    """Rows of one file of votes."""
    low, high = scale or ACR
    seen: dict[tuple[str, ...], int] = {}
    for row in read_rows(path, ("workerid", "file", "vote")):
        values = row.values
        rater, question = values["workerid"], values.get("question_type") or "rating"
        asked = rater, values["file"], question
        vote = seen[asked] = seen.get(asked, -1) + 1
        stimulus = named(naming, values["file"], row.where)
        rated = Rated(
            rater=rater,
            clip=stimulus.clip,
            system=stimulus.system,
            sample=stimulus.sample,
            question=question,
            score=row.number("vote"),
            role="repeat" if vote else "rated",
            place=vote or None,
            lowest=low,
            highest=high,
        )
        yield row.where, rated
