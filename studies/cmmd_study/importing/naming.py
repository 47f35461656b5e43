"""Names of stimuli that hold clip and system, taken apart by a pattern.

    {clip}_{system}_{sample}     dance01_cmmd_0.mp4          clip dance01, system cmmd, sample 0
    {}/{system}/{clip}.wav       https://host/a/cmmd/07.wav  system cmmd, clip 07

A pattern without a slash is compared with the last part of a path and without the suffix of a media file; one with a
slash with the whole name. {} stands for anything. The first field may hold any character, so that `take_2_cmmd_0` is
clip `take_2`; a later one none that begins the text before it, which leaves one way to read a name.
"""

import re
from collections import Counter
from dataclasses import dataclass
from string import Formatter

from cmmd_bench.errors import UserError

FIELDS = ("clip", "system", "sample")
SUFFIX = re.compile(r"\.(wav|flac|mp3|m4a|aac|ogg|opus|mp4|m4v|mov|mkv|webm|avi|y4m|yuv|png|jpe?g)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Naming:
    """A pattern, ready to be compared with names."""

    pattern: str
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, pattern: str) -> "Naming":
        """UserError for braces that do not match, unknown or repeated fields, or neither clip nor system."""
        try:
            parts = [(text, field) for text, field, *_ in Formatter().parse(pattern)]
        except ValueError as error:
            raise UserError(f"--stimulus {pattern!r}: {error}.") from None
        named = [field for _, field in parts if field]
        if unknown := [field for field in named if field not in FIELDS]:
            raise UserError(
                f"--stimulus {pattern!r}: no field {unknown[0]!r}. Known: {{clip}}, {{system}}, {{sample}}."
            )
        if twice := [field for field, count in Counter(named).items() if count > 1]:
            raise UserError(f"--stimulus {pattern!r}: {{{twice[0]}}} stands twice.")
        if not {"clip", "system"} & set(named):
            raise UserError(f"--stimulus {pattern!r} names neither {{clip}} nor {{system}}.")
        expression, fields = "", 0
        for text, field in parts:
            expression += re.escape(text)
            if field is None:
                continue
            if fields and not text:
                raise UserError(f"--stimulus {pattern!r}: there must be text between two fields.")
            # Nothing but the first field may hold what begins the text before it.
            inside = f"[^{re.escape(text[0])}]+" if fields else ".+"
            expression += f"(?P<{field}>{inside})" if field else f"(?:{inside})"
            fields += 1
        return cls(pattern, re.compile(expression))

    def split(self, name: str, where: str) -> dict[str, str]:
        """Fields of a name; UserError names the place, the name and the pattern where they do not match."""
        whole = name.replace("\\", "/")
        compared = whole if "/" in self.pattern else SUFFIX.sub("", whole.rsplit("/", 1)[-1])
        match = self.expression.fullmatch(compared)
        if match is None:
            raise UserError(
                f"{where}: stimulus {compared!r} is not made up like {self.pattern!r}. Give --stimulus as the names are"
                " built, with {} for parts that do not matter."
            )
        return match.groupdict()


@dataclass(frozen=True, slots=True)
class Named:
    """What is on trial, by the names that the other tool gave it."""

    clip: str
    system: str
    sample: str = "0"


def named(naming: Naming | None, name: str, where: str, **known: str) -> Named:
    """Clip, system and sample of a stimulus: what the table says in columns, and over it what the name says.

    UserError where that leaves clip or system unknown.
    """
    found = known | (naming.split(name, where) if naming else {})
    if missing := [field for field in ("clip", "system") if field not in found]:
        raise UserError(
            f"{where}: this format names stimuli only, such as {name!r}, and not their {' and '.join(missing)}. Say how"
            ' names are made up, as in --stimulus "{clip}_{system}".'
        )
    return Named(**found)
