"""README and docs keep their word: Python runs, the generator passes its check and installs, commands exist."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer

from cmmd_bench.cli import app
from cmmd_bench.scoring.catalogue import CATALOGUE, NETWORKS
from cmmd_bench.testing import check_generator

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_generator_passes_the_check():
    names: dict = {}
    exec(blocks("python")[0], names)
    check_generator(names["Hum"]())


@pytest.mark.parametrize("code", blocks("python")[1:])
def test_python_runs(code, capsys):
    exec(code, {})
    assert capsys.readouterr().out


def commands() -> list[str]:
    pages = "\n".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    blocks = re.findall(r"^```bash\n(.*?)^```$", pages, flags=re.DOTALL | re.MULTILINE)
    text = "\n".join(blocks) + "\n" + "\n".join(re.findall(r"`(cmmd-bench [^`]+)`", pages))
    # torchrun starts the same command line as a module.
    found = re.findall(r"(?:cmmd-bench|-m cmmd_bench) ([a-z][^\n&]*)", text)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("line", commands())
def test_commands_and_their_options_exist(line):
    group = typer.main.get_command(app)
    words = shlex.split(line)
    while words and hasattr(group, "get_command"):
        command = group.get_command(None, words[0])
        assert command is not None, f"{line}: no command {words[0]!r}"
        group, words = command, words[1:]
    known = {option for parameter in group.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_ci_runs_the_line_for_tests():
    done = subprocess.run(["bash", ".ci/run", "--show"], cwd=ROOT, capture_output=True, text=True, check=True)
    line = next(block for block in blocks("bash") if "pytest" in block).strip()
    assert done.stdout.strip() == line.replace(".venv", ".ci-venv")


def test_pictures_are_there():
    for path in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("entry", [*CATALOGUE, *NETWORKS], ids=lambda entry: entry.name)
def test_the_tables_say_what_the_catalogue_says_and_link_to_the_proof(entry):
    *cells, agreement, test = entry
    cells[0] = ", ".join(f"`{name}`" for name in cells[0].split(", "))
    assert f"| {' | '.join([*cells, f'[{agreement}](tests/{test})'])} |" in README
    assert (ROOT / "tests" / test).is_file()
