"""What operators rely on: old formats, figures for Prometheus, events as JSON, backups, and promises with tests."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from conftest import picture
from serving import serving

import posterity
from posterity.errors import ArgumentError, CatalogueError, FormatVersionError
from posterity.runtime import logs
from posterity.web.gallery import Gallery

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


# --- upgrades --------------------------------------------------------------------------------------------------------


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The catalogue that the first Posterity wrote (issue 1, commit e8e2353): six posters, three encoders, a wall."""
    with zipfile.ZipFile(ROOT / "tests" / "old" / "format-1.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "films"


def test_a_catalogue_of_the_first_format_is_read_as_it_is(first: Path) -> None:
    films = posterity.open(first)
    info = films.info()
    assert (info.format, info.posters, info.dropped, info.years) == (1, 6, 1, (1950, 1955))
    assert [poster.film.title for poster in films.posters()] == [f"Film {i}" for i in range(6)]
    assert {poster.film.currency for poster in films.posters()} == {None}  # a column that came later
    for name, dimension in {"colour": 64, "composition": 601, "pixels": 1152}.items():
        assert films.vectors(name)[1].shape == (6, dimension)
    assert films.similar("tt0000001", encoder="pixels", k=2).matches
    assert films.report().dropped[0].reason == "corrupt"
    # Its wall does not tell what was asked for: the page does not offer it, and it is refused where it is asked for.
    assert {each.name for each in Gallery(films).layouts.names()} == {"map", "wall"}
    assert films.layout_scores() == []
    with pytest.raises(CatalogueError, match="the parameters of wall in catalogue .* cannot be read"):
        films.layout("wall")


def test_a_catalogue_of_the_first_format_is_gone_on_with(first: Path, tmp_path: Path) -> None:
    posters = tmp_path / "posters"
    posters.mkdir()
    for i in range(8):  # the same six, somewhere else now, and two more
        picture(i).save(posters / f"tt{i + 1:07d}.png")
    before = {poster.id: poster.sha256 for poster in posterity.open(first).posters()}
    report = posterity.build(posters, first)
    films = posterity.open(first)
    after = {poster.id: poster.sha256 for poster in films.posters()}
    assert report.dropped == 0
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"tt0000007", "tt0000008"}
    anew = tmp_path / "anew"
    posterity.build(posters, anew)
    for name in films.store.encoders:
        np.testing.assert_array_equal(films.vectors(name)[1], posterity.open(anew).vectors(name)[1])
    assert len(films.wall().cells) == 8
    assert films.doctor().well


def test_a_catalogue_of_a_later_format_is_refused(first: Path) -> None:
    films = posterity.open(first)
    films.store._table("meta").update(where="key = 'format'", values={"value": "99"})
    with pytest.raises(FormatVersionError, match="has format 99"):
        posterity.open(first)


def test_a_copy_of_the_folder_is_a_backup(films: posterity.Catalogue, tmp_path: Path) -> None:
    shutil.copytree(str(films.folder), tmp_path / "backup")
    films.store.remove_posters(["tt0000001"])
    restored = posterity.open(tmp_path / "backup")
    assert (len(films), len(restored)) == (11, 12)
    assert restored.doctor().well


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(served: Path) -> Iterator[str]:
    with serving(served) as found:
        yield found


def _value(text: str, name: str) -> float:
    (found,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(found.split()[-1])


def test_prometheus_is_told_of_requests_by_route(address: str, served: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    identity = posterity.open(served).posters()[0].id
    counted = 'posterity_requests_total{method="GET",route="/api/films/{identity:path}",status="%d"}'
    for _ in range(3):
        assert httpx.get(f"{address}/api/films/{identity}").status_code == 200
    assert httpx.get(f"{address}/api/films/nobody").status_code == 404
    answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"posterity_requests", "posterity_request_seconds", "posterity_posters", "process_cpu_seconds"} <= families
    assert _value(answer.text, counted % 200) == 3
    assert _value(answer.text, counted % 404) == 1
    assert _value(answer.text, "posterity_posters") == 90
    assert _value(answer.text, "posterity_catalogue_reachable") == 1
    assert _value(answer.text, 'posterity_request_seconds_count{route="/api/films/{identity:path}"}') == 4
    assert identity not in answer.text
    assert "nobody" not in answer.text


def test_figures_need_the_token_where_there_is_one(served: Path) -> None:
    with serving(served, hosts=(), token="secret") as found:
        assert httpx.get(f"{found}/metrics").status_code == 401
        assert httpx.get(f"{found}/metrics", headers={"authorization": "Bearer secret"}).status_code == 200


# --- events ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setenv("POSTERITY_LOG", "json")
    logs.begin(stream)
    yield stream
    monkeypatch.delenv("POSTERITY_LOG")
    logs.begin()
    logging.getLogger("posterity").propagate = True


def test_a_build_says_what_it_did_in_json(events: io.StringIO, tmp_path: Path) -> None:
    (tmp_path / "posters").mkdir()
    for i in range(3):
        picture(i).save(tmp_path / "posters" / f"{i}.jpg")
    posterity.build(tmp_path / "posters", tmp_path / "films", encoders=["colour"])
    told = [json.loads(line) for line in events.getvalue().splitlines()]
    assert [event["event"] for event in told] == ["building", "built", "embedded"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", event["time"]) for event in told)
    assert (told[1]["added"], told[1]["dropped"], told[1]["level"]) == (3, 0, "info")
    assert told[2]["encoded"] == {"colour": 3}


def test_an_event_is_one_line_whatever_it_holds(events: io.StringIO) -> None:
    log = logging.getLogger("posterity.test")
    log.warning("odd\nnews", extra={"path": Path("a\nb"), "text": 'ends"\n{'})
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        log.exception("failed")
    lines = events.getvalue().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["text"] == 'ends"\n{'
    assert "ValueError" in json.loads(lines[1])["error"]


def test_events_are_text_or_nothing_where_asked(monkeypatch: pytest.MonkeyPatch, events: io.StringIO) -> None:
    monkeypatch.setenv("POSTERITY_LOG", "text")
    stream = io.StringIO()
    logs.begin(stream)
    logging.getLogger("posterity.test").info("built", extra={"added": 3})
    assert stream.getvalue().endswith("info built added=3\n")
    monkeypatch.setenv("POSTERITY_LOG", "xml")
    with pytest.raises(ArgumentError, match="Known: off, text, json"):
        logs.begin()


# --- the guide -------------------------------------------------------------------------------------------------------


def test_every_promise_names_a_test_that_is_there() -> None:
    table = OPERATIONS.split("## What is promised")[1].split("\n## ")[0]
    lines = table.splitlines()
    rows = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("| ") and not after.startswith("|---")  # which is a table's head
    ]
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (file, test)


def test_the_clusters_yaml_is_what_ray_reads() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", OPERATIONS, re.DOTALL)]
    (cluster,) = [block for block in blocks if "cluster_name" in block]
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(cluster))
    assert cluster["available_node_types"][cluster["head_node_type"]]
    (scraped,) = [block for block in blocks if "scrape_configs" in block]
    assert scraped["scrape_configs"][0]["metrics_path"] == "/metrics"
