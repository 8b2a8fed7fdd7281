"""The documentation says what is so: its commands run, and it leaves no command or option out."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import once, real_data

from posterity.cli import run
from posterity.cli.commands import commands
from posterity.ingest.inspection import ROW_REASONS
from posterity.settings import OPTIONS
from posterity.sources.genres import GENRES, MAPPING
from posterity.sources.rules import RULES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def console_lines(page: Path) -> list[str]:
    """Give the ``$ posterity …`` lines of a page's ``console`` blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ posterity ")]


BEGINNING = (
    "$ posterity sample studio -n 120",
    "$ posterity build studio/posters -c films --metadata studio/metadata.csv",
)
"""How several pages begin."""


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the two commands that several pages begin with, once for all."""

    def make(place: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            for line in BEGINNING:
                assert run(shlex.split(line)[2:]) == 0

    return once(tmp_path_factory, "begun", make)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_runs(
    page: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first of a page as a person types it; the others in this process, which spares them their start."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    monkeypatch.chdir(tmp_path)
    lines = console_lines(page)
    if [f"$ {line}" for line in lines[:2]] == [*BEGINNING]:
        shutil.copytree(request.getfixturevalue("begun"), tmp_path, dirs_exist_ok=True)
        lines = lines[2:]
    for at, line in enumerate(lines):
        if "covers" in line and not (tmp_path / "covers").exists():
            (tmp_path / "covers").symlink_to(real_data("covers"))
        words = shlex.split(line)
        if at == 0:
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
            status, said = done.returncode, done.stderr
        else:
            status, said = run(words[1:]), capsys.readouterr().err
        assert status == 0, f"{line}\n{said}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_example_on_a_page_gives_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert results.failed == 0
    assert results.attempted > 5 or page.name != "README.md"


def test_the_reference_names_every_command_and_option() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for command in commands:
        assert f"`posterity {command.name}" in reference, f"docs/reference.md lacks {command.name}"
    for option in OPTIONS.values():
        assert f"| `{option.name}` | `{option.default}` |" in reference, f"docs/reference.md lacks {option.name}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_mapping_of_genres_is_the_documented_one() -> None:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert f"The vocabulary: {', '.join(GENRES)}." in page
    for name, genre in MAPPING.items():
        assert f"| {name} | {genre or '(none)'} |" in page


def test_the_rules_and_reasons_are_documented() -> None:
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"| `{rule}` |" in page
    for reason in ROW_REASONS:
        assert f"`{reason}`" in reference
