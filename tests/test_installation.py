"""What is published: a wheel built from the source archive, installed alone, works far from the source tree."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import once
from PIL import Image
from waiting import PATIENCE

ROOT = Path(__file__).parents[1]
AWAY = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network", re.IGNORECASE)
"""What npm and pip say where a registry is out of reach."""

VERSIONS = ("3.11", "3.12", "3.13")


def _run(*command: str | Path, cwd: Path, **more: str) -> str:
    """Run a program with nothing of this one's Python about it, and give what it says."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("POSTERITY_", "PYTHON"))}
    keep |= {"HOME": str(cwd), **more}
    done = subprocess.run(command, cwd=cwd, env=keep, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _build(place: Path) -> None:
    """Build the source archive of what is committed or to be committed, and of that archive alone the wheel."""
    pytest.importorskip("hatchling", reason="THE WHEEL IS NOT TESTED HERE: no hatchling; pip install 'posterity[dev]'")
    source = place / "source"
    source.mkdir()
    with (ROOT / "pyproject.toml").open("rb") as file:
        packed = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    made = shutil.ignore_patterns("node_modules", "page", "__pycache__", "results")
    for name in [*packed, "pyproject.toml"]:
        there = ROOT / name
        shutil.copytree(there, source / name, ignore=made) if there.is_dir() else shutil.copy2(there, source / name)
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(place / "dist")]
    subprocess.run([*hatch, "-t", "sdist"], cwd=source, check=True, capture_output=True)
    (archive,) = (place / "dist").glob("posterity-*.tar.gz")
    with tarfile.open(archive) as packed_:
        packed_.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    done = subprocess.run([*hatch, "-t", "wheel"], cwd=unpacked, capture_output=True, text=True, check=False)
    (place / "said").write_text("" if done.returncode == 0 else done.stdout + done.stderr)
    shutil.rmtree(source)
    shutil.rmtree(place / "unpacked")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build archive and wheel once."""
    place = once(tmp_path_factory, "wheel", _build)
    said = (place / "said").read_text()
    if AWAY.search(said):
        pytest.skip(f"THE WHEEL IS NOT TESTED HERE: npm's registry is out of reach: {said[-300:]}")
    assert not said, said
    (found,) = (place / "dist").glob("*.whl")
    return found


def _use(programs: Path, cwd: Path) -> None:
    """Do with an installed Posterity what a newcomer does first."""
    posterity = programs / "posterity"
    home = programs.parent.resolve()
    where = "import posterity, sys; print(posterity.__file__, *sys.path, sep='\\n')"
    module, *path = _run(programs / "python", "-c", where, cwd=cwd).splitlines()
    assert Path(module).is_relative_to(home)
    assert not any(Path(each).resolve().is_relative_to(ROOT / "src") for each in path if each)
    _run(posterity, "sample", "demo", "-n", "30", cwd=cwd)
    built = json.loads(
        _run(
            posterity,
            "build",
            "demo/posters",
            "-c",
            "films",
            "--metadata",
            "demo/metadata.csv",
            "-q",
            "--json",
            cwd=cwd,
        )
    )
    assert built["added"] == 30
    (first, *_) = json.loads(_run(posterity, "list", "-c", "films", "--json", cwd=cwd))["posters"]
    found = json.loads(
        _run(posterity, "similar", "-c", "films", "--id", first["id"], "--out", "s.png", "--json", cwd=cwd)
    )
    assert len(found["matches"]) == 5
    assert found["encoder"] == "poster"  # the network in the box came along
    wall = json.loads(_run(posterity, "wall", "-c", "films", "--out", "wall.png", "--json", cwd=cwd))
    assert wall["placed"] == 30
    assert (cwd / "s.png").stat().st_size > 1000
    assert (cwd / "wall.png").stat().st_size > 1000
    _serve(posterity, cwd)


def _large_picture() -> bytes:
    """Make a picture of more than the megabyte that form parsers write to the disk by default."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (900, 600, 3), dtype=np.uint8)).save(out, "PNG")
    assert len(out.getvalue()) > 2**20
    return out.getvalue()


def _serve(posterity: Path, cwd: Path) -> None:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("POSTERITY_", "PYTHON"))}
    command = [posterity, "serve", "films", "--port", "0"]
    with subprocess.Popen(command, cwd=cwd, text=True, env=environment, **pipes) as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert address
            with httpx.Client(base_url=address[0], timeout=PATIENCE) as ask:
                page = ask.get("/")
                assert "<title>Posterity</title>" in page.text
                scripts = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.text)
                assert any(name.endswith("page.js") for name in scripts), page.text
                for name in scripts:
                    sent = ask.get(name if name.startswith("/") else f"/{name.removeprefix('./')}")
                    assert sent.status_code == 200
                    assert len(sent.content) > 1000
                assert len(ask.get("/api/collection").json()["ids"]) == 30
                large = _large_picture()
                answer = ask.post("/api/clinic", files={"file": ("large.png", large)}, headers={"Origin": address[0]})
                assert answer.status_code == 200, answer.text
                assert answer.json()["matches"]["matches"]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)


def test_the_wheel_holds_what_the_package_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {"posterity/web/page/index.html", "posterity/web/page/page.js", "posterity/py.typed"} <= names
    assert any(name.startswith("posterity/encoders/") and name.endswith(".onnx") for name in names)
    assert "posterity/render/reports/templates/frame.html" in names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"posterity"}


def test_the_wheel_alone_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The libraries are those that are installed here; Posterity is the wheel's."""
    home, cwd = tmp_path / "environment", tmp_path / "elsewhere"
    cwd.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    install = [sys.executable, "-m", "pip", "--python", home, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # Directories that a .pth file names are searched, but .pth files in them are not: those would lead to the sources.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries))
    _use(home / "bin", cwd)


def _python(version: str) -> str:
    """Find a Python of a version, or skip the test and say so."""
    places = [shutil.which(f"python{version}")]
    places += sorted(map(str, Path(os.environ.get("PYENV_ROOT", "/nowhere")).glob(f"versions/{version}.*/bin/python")))
    for place in filter(None, places):
        if subprocess.run([place, "-c", "import venv, ensurepip"], check=False, capture_output=True).returncode == 0:
            return place
    pytest.skip(f"PYTHON {version} IS NOT TESTED HERE: there is no python{version} with venv")


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_and_all_it_depends_on_are_installed_from_scratch(wheel: Path, tmp_path: Path, version: str) -> None:
    home, cwd = tmp_path / "environment", tmp_path / "elsewhere"
    cwd.mkdir()
    subprocess.run([_python(version), "-m", "venv", home], check=True)
    done = subprocess.run(
        [home / "bin" / "python", "-m", "pip", "install", "-q", wheel], capture_output=True, text=True, check=False
    )
    if AWAY.search(done.stderr) and done.returncode:
        pytest.skip(f"AN INSTALLATION FROM SCRATCH IS NOT TESTED HERE: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    _use(home / "bin", cwd)


KEPT_IN_MEMORY = """
import asyncio, sys, tempfile
from starlette.requests import Request
from posterity.web.uploads import read_upload

def rollover(self):
    raise AssertionError("what is sent was to be written to the disk")

tempfile.SpooledTemporaryFile.rollover = rollover
sent = bytes(range(256)) * 12_000
start = b'--x\\r\\nContent-Disposition: form-data; name="file"; filename="a.png"\\r\\n\\r\\n'
form = start + sent + b"\\r\\n--x--\\r\\n"
pieces = [form[start : start + 65536] for start in range(0, len(form), 65536)]
messages = [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]

async def receive():
    return messages.pop(0)

headers = [(b"content-type", b"multipart/form-data; boundary=x")]
request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
assert asyncio.run(read_upload(request)) == ("a.png", sent)
"""


def lowest(*extras: str) -> list[str]:
    """Give what ``scripts/lowest.py`` says."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "lowest.py", *extras], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_dependency_has_a_lower_bound() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["dependencies"]
    pinned = lowest()
    assert len(pinned) == len(declared)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9.]*", line) for line in pinned)
    assert "openpyxl" in " ".join(set(lowest("excel")) - set(pinned))
    told = subprocess.run([sys.executable, ROOT / "scripts" / "lowest.py", "excl"], capture_output=True, text=True)
    assert told.returncode == 1
    assert "has no extra 'excl'" in told.stderr


@pytest.mark.long
def test_the_lowest_declared_versions_work_as_a_set(wheel: Path, tmp_path: Path) -> None:
    """On the oldest Python; of the extras those that are small."""
    extras = ("excel", "s3")
    home, cwd = tmp_path / "environment", tmp_path / "elsewhere"
    cwd.mkdir()
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(lowest(*extras)) + "\n")
    subprocess.run([_python(VERSIONS[0]), "-m", "venv", home], check=True)
    install = [home / "bin" / "python", "-m", "pip", "install", "-q", "-c", constraints]
    done = subprocess.run([*install, f"{wheel}[{','.join(extras)}]"], capture_output=True, text=True, check=False)
    if AWAY.search(done.stderr) and done.returncode:
        pytest.skip(f"THE LOWEST VERSIONS ARE NOT TESTED HERE: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    listed = _run(home / "bin" / "python", "-m", "pip", "list", "--format=json", cwd=cwd)
    versions = {each["name"].lower(): each["version"] for each in json.loads(listed)}
    assert versions["fastapi"] == next(
        line.split("==")[1] for line in constraints.read_text().split() if "fastapi=" in line
    )
    _run(home / "bin" / "python", "-c", KEPT_IN_MEMORY, cwd=cwd)
    _use(home / "bin", cwd)
