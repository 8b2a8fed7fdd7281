"""Packages that are executed when something of theirs is asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from posterity.runtime.deferred import defer

NAME = "a_package_for_defer"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from pathlib import Path\nfrom {NAME}.part import x\nwith (Path(__file__).parent / 'ran').open('a') as f:\n"
        "    f.write('x')\ny = x + 1\n"
    )
    (folder / "part.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


def ran(package: Path) -> int:
    file = package / "ran"
    return len(file.read_text()) if file.exists() else 0


def deferred() -> ModuleType:
    defer(NAME)
    return sys.modules[NAME]


def test_a_submodule_is_imported_without_its_package(package: Path) -> None:
    module = deferred()
    import a_package_for_defer.part as part  # type: ignore[import-not-found]

    assert part.x == 1
    assert module.part is part
    assert ran(package) == 0
    assert module.y == 2
    assert module.y == 2
    assert ran(package) == 1
    assert module.part is part


def test_what_it_does_not_have_is_missing_still(package: Path) -> None:
    module = deferred()
    with pytest.raises(AttributeError, match="no attribute 'z'"):
        _ = module.z
    assert ran(package) == 1
    with pytest.raises(ImportError, match="cannot import name 'z'"):
        from a_package_for_defer import z  # noqa: F401
    assert ran(package) == 1


def test_an_imported_or_absent_package_is_left_alone(package: Path) -> None:
    import a_package_for_defer as imported

    defer(NAME)
    assert sys.modules[NAME] is imported
    assert ran(package) == 1
    defer("a_package_that_is_not_there")
    assert "a_package_that_is_not_there" not in sys.modules


def test_a_package_that_fails_says_so_each_time(package: Path) -> None:
    (package / "__init__.py").write_text("y = 1\nraise ImportError('broken')\n")
    module = deferred()
    for _ in range(2):
        with pytest.raises(ImportError, match="broken"):
            _ = module.z


def test_threads_wait_until_it_has_been_executed(package: Path) -> None:
    (package / "__init__.py").write_text(
        "import sys\nsys.modules['a_package_for_defer'].__dict__['started'].set()\n"
        "sys.modules['a_package_for_defer'].__dict__['go'].wait(60)\ny = 2\n"
    )
    module = deferred()
    started, go = threading.Event(), threading.Event()
    module.__dict__.update(started=started, go=go)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.y)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    assert found == []
    go.set()
    for thread in threads:
        thread.join()
    assert found == [2] * 4


def test_the_store_does_not_execute_the_client_it_never_uses(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STORE, str(tmp_path / "films")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


STORE = """
import sys
from datetime import timedelta
from pathlib import Path
from posterity.catalogue import Film, Poster, Store

store = Store.create(Path(sys.argv[1]))
poster = Poster("tt0000001", "/posters", "a.jpg", Film(imdb_id="tt0000001", title="A"), "JPEG", "RGB", 2, 3, 9, 0,
                "0" * 64, 1)
store.put_posters([poster], {"0" * 64: b"jpeg"})
store = Store.open(Path(sys.argv[1]))
assert [found.id for found in store.posters()] == ["tt0000001"]
store.compact(timedelta(0))

client = "lance_namespace_urllib3_client"
assert client in sys.modules
assert not [name for name in sys.modules if name.startswith((f"{client}.api", "urllib3"))]

# Who does use it gets it whole.
import lance_namespace
import lance_namespace_urllib3_client
from lance_namespace_urllib3_client import TableApi
from lance_namespace_urllib3_client.models import ListTablesRequest

assert TableApi.__module__ == f"{client}.api.table_api"
assert lance_namespace_urllib3_client.ListTablesRequest is lance_namespace.ListTablesRequest is ListTablesRequest
assert lance_namespace_urllib3_client.ApiClient().configuration.host
assert lance_namespace_urllib3_client.__version__

import lancedb
found = lancedb.connect(sys.argv[1]).list_tables()
assert "posters" in found.tables, found
"""
