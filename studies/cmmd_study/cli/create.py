"""`create` and `add`: a blinded study from the samples of a run, or from folders of clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cmmd_bench.errors import UserError

if TYPE_CHECKING:
    from cmmd_study.creation import Created, Look, Selection
    from cmmd_study.creation.candidates import Origin

RunOption = Annotated[Path | None, typer.Option(help="Run folder whose samples are rated.")]
ClipsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DIR", help="A system and the folder of its clips (DIR alone: named like it); may be repeated."
    ),
]
Reference = Annotated[
    str | None, typer.Option(help="System of --clips that is ground truth (default: ground-truth, if it is there).")
]
Questionnaires = Annotated[
    list[str] | None,
    typer.Option("--questionnaire", help="Built-in questionnaire or TOML file, a section each; may be repeated."),
]
Conditions = Annotated[int, typer.Option(min=1, help="Conditioning clips of each section.")]
Samples = Annotated[int, typer.Option(min=1, help="Samples of each tested system and clip.")]
Baselines = Annotated[
    str, typer.Option(help="Systems of which one sample is enough, separated by commas; ground truth is one of them.")
]
Systems = Annotated[
    str, typer.Option(help="Systems that are rated, separated by commas (default: all but shuffled and noise).")
]
Practice = Annotated[int, typer.Option(min=0, help="Stimuli before each section that do not count.")]
Gold = Annotated[int, typer.Option(min=0, help="Stimuli of noise in each section, as a check of the raters.")]
Loudness = Annotated[str, typer.Option(help="Loudness of all files in LUFS, or none to leave it.")]
Height = Annotated[
    int | None,
    typer.Option(min=64, max=2160, help="Rows of the picture (default: 480, up to 720 if a source has more)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


def create(
    questionnaire: Questionnaires = None,
    run: RunOption = None,
    clips: ClipsOption = None,
    reference: Reference = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study (default: study-RUN, or study-QUESTIONNAIRE).")
    ] = None,
    conditions: Conditions = 5,
    samples: Samples = 2,
    baselines: Baselines = "",
    systems: Systems = "",
    practice: Practice = 2,
    gold: Gold = 0,
    seed: Annotated[int, typer.Option(help="Picks stimuli, and later draws the orders.")] = 0,
    loudness: Loudness = "-23",
    height: Height = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a blinded study: pick stimuli by seed, make their files alike, and tell what still differs.

    The folder holds study.toml and questionnaires to edit, until `study freeze` seals them.

    Example: cmmd-bench study create --run runs/aist-1a2b3c4d --questionnaire aist-v2a --questionnaire aist-a2v

    Example: cmmd-bench study create --clips ours=samples/ours --clips ground-truth=real --questionnaire acr-v2a
    """
    from cmmd_bench.cli.output import progress
    from cmmd_study.creation import create as make

    asked = questionnaire or []
    origin = _origin(run, clips, reference)
    if out is None:
        what = run.resolve().name if run is not None else Path(asked[0]).stem if asked else "clips"
        out = Path(f"study-{what}")
    made = make(
        out,
        origin,
        asked,
        selection=_selection(conditions, samples, baselines, systems, practice, gold),
        look=_look(loudness, height),
        seed=seed,
        progress=progress(quiet or json),
    )
    _show(made, json=json)


def add(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study that is not frozen.")],
    questionnaire: Questionnaires = None,
    run: RunOption = None,
    clips: ClipsOption = None,
    reference: Reference = None,
    conditions: Conditions = 5,
    samples: Samples = 2,
    baselines: Baselines = "",
    systems: Systems = "",
    practice: Practice = 2,
    gold: Gold = 0,
    loudness: Loudness = "-23",
    height: Height = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add sections to a study, such as those of another run; stimuli are picked by the study's seed.

    Example: cmmd-bench study add study-aist --run runs/epic-5e6f7a8b --questionnaire epic-v2a
    """
    from cmmd_bench.cli.output import progress
    from cmmd_study.creation import add as extend

    made = extend(
        study,
        _origin(run, clips, reference),
        questionnaire or [],
        selection=_selection(conditions, samples, baselines, systems, practice, gold),
        look=_look(loudness, height),
        progress=progress(quiet or json),
    )
    _show(made, json=json)


def _origin(run: Path | None, clips: Sequence[str] | None, reference: str | None) -> "Origin":
    from cmmd_study.creation import Clips, Run

    if (run is None) == (not clips):
        raise UserError("give either --run RUN or --clips NAME=DIR, once for each system.")
    if run is not None:
        if reference is not None:
            raise UserError("--reference is for --clips: the reference of a run is its row ground-truth.")
        return Run(run)
    folders: dict[str, Path] = {}
    for text in clips or ():
        name, separator, folder = text.partition("=")
        root = Path(folder if separator else text)
        name = name if separator else root.resolve().name
        if not (name and str(folder if separator else text)):
            raise UserError(f"--clips {text!r} is not of the form NAME=DIR, such as ours=samples/ours.")
        if name in folders:
            raise UserError(f"--clips names {name!r} twice, {folders[name]} and {root}. Give one folder each a name.")
        folders[name] = root
    return Clips(folders, reference)


def _selection(conditions: int, samples: int, baselines: str, systems: str, practice: int, gold: int) -> "Selection":
    from cmmd_study.creation import Selection

    return Selection(conditions, samples, _names(baselines), _names(systems) or None, practice, gold)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _look(loudness: str, height: int | None) -> "Look":
    from cmmd_study.creation import Look

    if loudness == "none":
        return Look(height, None)
    try:
        level = float(loudness)
    except ValueError:
        level = 0.0
    if not -70 < level < 0:
        raise UserError(f"--loudness takes LUFS between -70 and 0, such as -23, or none; found {loudness!r}.")
    return Look(height, level)


def _show(made: "Created", *, json: bool) -> None:
    from cmmd_bench.cli.output import note, print_json, print_table
    from cmmd_study.creation.audit import as_json, table

    folder = made.folder.path
    if json:
        print_json({"folder": str(folder), "stimuli": len(made.sources), "audit": as_json(made.audit)})
        return
    columns, rows = table(made.audit)
    print_table(columns, rows, title="Blinding audit")
    for sentence in made.audit.sentences:
        typer.echo(sentence)
    counts = [f"{sum(s.role == role for s in made.sources)} {role}" for role in ("rated", "practice", "gold")]
    note(
        f"\nstudy: {folder} ({', '.join(counts)}). Edit {folder / 'study.toml'}, then: cmmd-bench study freeze {folder}"
    )
