"""The tables of a study's database, in SQL that SQLite and PostgreSQL both speak.

study         one row: specification and frozen plan with their digests, state, schema version
stimulus      files that raters see under their id; which system made them is known here alone
order_row     the orders of the design, place by place, made before anyone is invited
rater         an opaque id, the digest of an invitation, state and consent: no name, no address
presentation  what one rater sees at which place; written once, at consent, and never changed
answer        append-only; the value that counts is the one of the highest revision
event         what happened around the answers: how the test of sound went
exclusion     raters who do not count, by which rule, by plan or by hand

Times are milliseconds since 1970 (UTC) by the server's clock, unless a name says `client`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = 1
"""Version of these tables; a database with a higher number is refused."""

metadata = MetaData()

study = Table(
    "study",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schema", Integer, nullable=False),
    Column("name", String(80), nullable=False),
    Column("state", String(12), nullable=False),  # frozen, open, closed
    Column("spec", Text, nullable=False),
    Column("spec_sha256", String(64), nullable=False),
    Column("plan", Text),
    Column("plan_sha256", String(64)),
    Column("secret", String(64), nullable=False),  # of media addresses; never leaves the server
    Column("created_at", BigInteger, nullable=False),
    Column("frozen_at", BigInteger),
    Column("closed_at", BigInteger),
)

stimulus = Table(
    "stimulus",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("section", String(80), nullable=False),
    Column("clip", String(200), nullable=False),
    Column("system", String(200), nullable=False),
    Column("sample", Integer, nullable=False),
    Column("role", String(12), nullable=False),  # rated, practice, gold
    Column("sha256", String(64), nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("expected", Text),  # gold: question -> [lowest, highest] answer that passes, as JSON
)

order_row = Table(
    "order_row",
    metadata,
    Column("row", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("stimulus", ForeignKey("stimulus.id"), nullable=False),
    Column("role", String(12), nullable=False),
)

rater = Table(
    "rater",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("state", String(12), nullable=False),  # invited, active, finished, abandoned, withdrawn
    Column("order_row", Integer),
    Column("language", String(8)),
    Column("consent", String(64)),  # digest of the text that was agreed to
    Column("device", Text),  # size and kind of screen and browser, as JSON
    Column("invited_at", BigInteger, nullable=False),
    Column("consented_at", BigInteger),
    Column("seen_at", BigInteger),
    Column("finished_at", BigInteger),
)

presentation = Table(
    "presentation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("rater", ForeignKey("rater.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("stimulus", ForeignKey("stimulus.id"), nullable=False),
    Column("role", String(12), nullable=False),  # rated, practice, gold, repeat
    UniqueConstraint("rater", "place"),
)

answer = Table(
    "answer",
    metadata,
    Column("id", Integer, primary_key=True),  # the order in which they were committed
    Column("presentation", ForeignKey("presentation.id"), nullable=False),
    Column("question", String(40), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("value", Integer),  # none: the clip could not be played, or the question was left out
    Column("client_id", String(36), nullable=False, unique=True),
    Column("client_at", BigInteger, nullable=False),
    Column("server_at", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),  # after closing
    Column("proof", Text, nullable=False),  # of playback, as JSON
    Column("withdrawn", Boolean, nullable=False),  # by the rater: what it said is gone
    Column("digest", String(64), nullable=False),  # of what it said
    Column("chain", String(64), nullable=False),  # digest of `digest` and of the chain before it
    UniqueConstraint("presentation", "question", "revision"),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rater", ForeignKey("rater.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
)

exclusion = Table(
    "exclusion",
    metadata,
    Column("rater", ForeignKey("rater.id"), primary_key=True),
    Column("rule", String(80), primary_key=True),
    Column("by_plan", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)
