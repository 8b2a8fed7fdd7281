"""Networks: each gives what its own library gives; weights are checked, fetched and resumed; text finds pictures."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from aiohttp import web
from conftest import real_data
from faulty_server import Server

import posterity
from posterity.cli import run
from posterity.encoders import ENCODERS, available, runtime
from posterity.encoders.known import KNOWN, Network, Package, Weights
from posterity.encoders.networks import FITS, Net, building, named
from posterity.encoders.networks import weights as weights_
from posterity.encoders.poster import Poster
from posterity.errors import ArgumentError, MissingExtraError, UnknownNameError
from posterity.images import fit

try:
    torch, _, open_clip = building.libraries("timm", "open_clip")
    import safetensors.torch as safetensors_torch
except ImportError as error:
    pytest.skip(f"the extra networks is not installed: {error.__cause__ or error}", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # what the libraries have to say to each other


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("POSTERITY_WEIGHTS", raising=False)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def shared_weights(name: str) -> Path:
    path = real_data().parent / "weights" / f"{name}.safetensors"
    if not path.exists():
        pytest.skip(f"real weights are not here: no {path}")
    return path


def pictures(size: tuple[int, int], n: int = 3) -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (n, 6, 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(c, size[::-1], interpolation=cv2.INTER_CUBIC) for c in coarse])


def unit(rows: Any) -> np.ndarray:
    rows = np.asarray(rows)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def normalised(network: Network, images: np.ndarray) -> Any:
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in network.colours)
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - mean) / deviation


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "squeezenet1_1"])
def test_real_weights_give_what_the_reference_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shared_weights(name)
    monkeypatch.syspath_prepend(str(file.parent))
    reference = __import__("networks")
    encoder = Net(KNOWN[name], file=file)
    images = pictures(encoder.size)
    with torch.inference_mode():
        found = getattr(reference, name)(normalised(KNOWN[name], images), reference.load(name))
    expected = unit(found[0] if isinstance(found, tuple) else found)
    np.testing.assert_allclose(encoder.encode(images), expected, atol=2e-5)
    assert encoder.spec.weights == hashlib.sha256(file.read_bytes()).hexdigest()
    assert available(encoder)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("resnet50", "dinov2_small") else pytest.param(name, marks=pytest.mark.long)
        for name in KNOWN
        if name not in ("resnet18", "mobilenet_v2", "squeezenet1_1")
    ],
)
def test_random_weights_give_what_the_library_gives(name: str, tmp_path: Path) -> None:
    network = KNOWN[name]
    torch.manual_seed(5)
    size = Net(network).size
    module = building.build(network, size)
    for values in module.state_dict().values():  # else many a layer gives nothing at all
        if values.ndim == 1 and values.is_floating_point():
            values.add_(torch.rand_like(values) * 0.1)
    file = tmp_path / f"{name}.safetensors"
    safetensors_torch.save_file({key: value.contiguous().clone() for key, value in module.state_dict().items()}, file)
    encoder = Net(network, file=file)
    images = pictures(size, 2)
    with torch.inference_mode():
        expected = unit(building.features(network, module, normalised(network, images)))
    assert expected.shape == (2, network.dimension)
    np.testing.assert_allclose(encoder.encode(images), expected, atol=2e-4)


def test_a_network_made_ready_needs_no_pytorch_any_more(tmp_path: Path) -> None:
    file = shared_weights("squeezenet1_1")
    images = pictures((240, 160))
    expected = Net(KNOWN["squeezenet1_1"], file=file).encode(images)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, numpy as np\n"
        "sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from posterity.encoders.known import KNOWN\n"
        "from posterity.encoders.networks import Net\n"
        f"v = Net(KNOWN['squeezenet1_1'], file=Path({str(file)!r})).encode(np.load({str(tmp_path / 'images.npy')!r}))\n"
        f"np.save({str(tmp_path / 'vectors.npy')!r}, v)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), expected)


def test_fits_are_the_articles_four_and_two_more() -> None:
    picture = np.zeros((300, 200, 3), np.uint8)
    picture[:50], picture[-50:] = 255, 128
    shown = {how: fit(picture, (96, 96), how) for how in FITS}
    assert shown["center-crop"].max() < 255  # top and bottom are gone
    assert (shown["pad"][:, 0] == 0).all()
    assert shown["stretch"][0, 0, 0] == 255
    np.testing.assert_array_equal(shown["random-crop"], fit(picture, (96, 96), "random-crop"))
    places = {fit(cv2.flip(picture + np.uint8(i), 0), (96, 96), "random-crop").tobytes() for i in range(8)}
    assert len(places) > 1


def test_several_crops_are_the_mean_of_three_squares() -> None:
    file = shared_weights("resnet18")
    whole = Net(KNOWN["resnet18"], "multi-crop", file)
    square = Net(KNOWN["resnet18"], "stretch", file)
    assert (whole.spec.name, whole.size, square.size) == ("resnet18_multi_crop", (336, 224), (224, 224))
    images = pictures(whole.size, 2)
    module = building.build(KNOWN["resnet18"], (224, 224))
    building.put_in(KNOWN["resnet18"], module, file)
    with torch.inference_mode():
        parts = [
            building.features(KNOWN["resnet18"], module, normalised(KNOWN["resnet18"], images[:, top : top + 224]))
            for top in (0, 56, 112)
        ]
    np.testing.assert_allclose(whole.encode(images), unit(sum(parts) / 3), atol=2e-5)


def test_names_carry_the_fit() -> None:
    pad = ENCODERS.get("resnet18_pad")
    assert (pad.spec.fit, pad.spec.size) == ("pad", (224, 224))
    assert named("vgg16_fc2_native") is None
    assert named("resnet18_native") is None  # that is resnet18 itself
    with pytest.raises(UnknownNameError, match="alexnet"):
        ENCODERS.get("alexnet")
    with pytest.raises(ArgumentError, match="vgg16_fc2.*native"):
        Net(KNOWN["vgg16_fc2"], "native")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("w.pth", b"\x80\x02", "Pickles"),
        ("w.safetensors", b"\xff" * 64, "not a safetensors"),
        ("w.safetensors", b"", "not a safetensors"),
    ],
)
def test_what_are_no_weights_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ArgumentError, match=said):
        Net(KNOWN["resnet18"], file=file)
    with pytest.raises(ArgumentError, match="cannot be read"):
        Net(KNOWN["resnet18"], file=tmp_path / "nowhere.safetensors")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    encoder = Net(KNOWN["resnet50"], file=shared_weights("resnet18"))
    with pytest.raises(weights_.WeightsError, match="does not hold the weights of resnet50"):
        encoder.encode(pictures(encoder.size, 1))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(shared_weights("squeezenet1_1").read_bytes()[:100_000])
    with pytest.raises(weights_.WeightsError, match="not a safetensors file"):
        Net(KNOWN["squeezenet1_1"], file=broken).prepare()


def test_a_published_onnx_file_runs_too(tmp_path: Path) -> None:
    """As zoos publish them: normalised floats in, a feature map out, nothing of ours inside."""
    network = KNOWN["squeezenet1_1"]
    module = building.build(network, (240, 160))
    building.put_in(network, module, shared_weights("squeezenet1_1"))
    file = tmp_path / "squeezenet.onnx"
    file.write_bytes(building._to_onnx(torch, module.features, torch.zeros(2, 3, 240, 160)))
    images = pictures((240, 160))
    expected = Net(network, file=shared_weights("squeezenet1_1")).encode(images)
    np.testing.assert_allclose(Net(network, file=file).encode(images), expected, atol=2e-5)
    with pytest.raises(weights_.WeightsError, match="gives 512 features where resnet50 has 2048"):
        Net(KNOWN["resnet50"], file=file).encode(images)


# --- fetching ------------------------------------------------------------------------------------------------------


class Hub:
    """Answers as the hub does: HEAD with the commit and the etag, GET with ranges, and breaks off when told to."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.break_at: int | None = None
        self.ranges: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "missing" in request.path:
            return web.Response(status=404, headers={"X-Error-Code": "RepoNotFound"})
        etag = hashlib.sha256(self.content).hexdigest()
        headers = {"X-Repo-Commit": "a" * 40, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return web.Response(headers=headers | {"Content-Length": str(len(self.content))})
        start = 0
        if (asked := request.headers.get("Range", "")).startswith("bytes="):
            self.ranges.append(asked)
            start = int(asked[6:].split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        body = self.content[start:]
        response = web.StreamResponse(
            status=206 if start else 200, headers=headers | {"Content-Length": str(len(body))}
        )
        await response.prepare(request)
        if self.break_at is not None:
            await response.write(body[: self.break_at])
            self.break_at = None
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(body)
        return response


@pytest.fixture
def hub() -> Iterator[tuple[Hub, Server]]:
    handler = Hub(shared_weights("squeezenet1_1").read_bytes())
    with Server(handler) as server:
        yield handler, server


def on_the_hub(content: bytes, repository: str = "timm/squeezenet") -> Network:
    digest = hashlib.sha256(content).hexdigest()
    return replace(
        KNOWN["squeezenet1_1"], weights=Weights(repository, "model.safetensors", digest, "a" * 40, len(content))
    )


def test_weights_are_fetched_once_checked_and_run(hub: tuple[Hub, Server]) -> None:
    handler, server = hub
    network = on_the_hub(handler.content)
    assert weights_.find(network) is None
    path = weights_.fetch(network, server.url)
    assert path.read_bytes() == handler.content
    asked = sum(server.asked.values())
    assert weights_.find(network) == path
    encoder = Net(network)
    assert encoder.encode(pictures(encoder.size, 1)).shape == (1, 512)
    assert sum(server.asked.values()) == asked


def test_a_fetch_that_broke_off_goes_on_where_it_stopped(hub: tuple[Hub, Server]) -> None:
    handler, server = hub
    handler.content = np.random.default_rng(0).bytes(30_000_000)  # the library keeps pieces of ten million
    handler.break_at = 15_000_000
    network = on_the_hub(handler.content)
    path: Path | None = None
    for _ in range(3):
        try:
            path = weights_.fetch(network, server.url)
            break
        except weights_.WeightsError:
            continue
    assert path is not None
    assert path.read_bytes() == handler.content
    assert any(not asked.startswith("bytes=0-") for asked in handler.ranges)


def test_another_digest_is_thrown_away(hub: tuple[Hub, Server]) -> None:
    handler, server = hub
    network = on_the_hub(handler.content)
    handler.content = handler.content[:-1] + bytes([handler.content[-1] ^ 1])
    with pytest.raises(weights_.WeightsError, match="instead of"):
        weights_.fetch(network, server.url)
    assert weights_.find(network) is None


def test_no_hub_is_said_with_what_to_do(hub: tuple[Hub, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    handler, server = hub
    with pytest.raises(weights_.WeightsError, match="--weights FILE"):
        weights_.fetch(on_the_hub(handler.content, "timm/missing"), server.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(weights_.WeightsError, match="--weights FILE"):
        weights_.fetch(on_the_hub(handler.content), server.url)
    with pytest.raises(weights_.WeightsError, match="no place"):
        weights_.fetch(KNOWN["squeezenet1_1"])


def test_every_pinned_file_is_pinned_by_a_digest() -> None:
    for network in KNOWN.values():
        if network.weights is not None:
            assert len(bytes.fromhex(network.weights.sha256)) == 32
            assert network.weights.file.endswith(".pth" if isinstance(network.weights, Package) else ".safetensors")


# --- the command line ----------------------------------------------------------------------------------------------


def test_embedding_by_the_command_line_remembers_the_weights(
    make_posters: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    films, file = str(tmp_path / "films"), str(shared_weights("resnet18"))
    posterity.build(make_posters(8), films, encoders=["pixels"])
    monkeypatch.setitem(ENCODERS._loaded, "resnet18", Net(KNOWN["resnet18"]))
    capsys.readouterr()
    assert run(["embed", "-c", films, "--encoder", "resnet18", "--weights", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["encoded"] == {"resnet18": 8}
    ENCODERS._loaded.pop("resnet18")  # as in another process
    picture = str(next((tmp_path / "posters").glob("*.jpg")))
    assert run(["similar", "-c", films, "--image", picture, "--encoder", "resnet18", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 5
    assert run(["embed", "-c", films, "--encoder", "resnet18", "--fit", "pad", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["encoded"] == {"resnet18_pad": 8}
    assert {"resnet18", "resnet18_pad"} <= set(posterity.open(films).store.encoders)
    # Where the weights are gone, what was stored still serves for posters that are here.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    for name in ("resnet18", "resnet18_pad"):
        ENCODERS._loaded.pop(name, None)
    assert run(["similar", "-c", films, "--id", "tt0000001", "--encoder", "resnet18", "--json"]) == 0
    ENCODERS._loaded.pop("resnet18", None)


def test_what_cannot_be_is_said(make_posters: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = str(tmp_path / "films")
    posterity.build(make_posters(3), films, encoders=["pixels"])
    for arguments, said in (
        (["--encoder", "colour", "--weights", "x.safetensors"], "takes neither weights nor another fit"),
        (["--encoder", "resnet18", "--weights", "x.pth"], "Pickles"),
        (["--encoder", "resnet18", "--fit", "fold"], "Fits:"),
        (["--encoder", "poster", "--runtime", "tensorrt"], "unknown runtime"),
    ):
        capsys.readouterr()
        assert run(["embed", "-c", films, *arguments]) == 1
        assert said in capsys.readouterr().err
    assert run(["embed", "-c", films, "--encoder", "colour,pixels", "--weights", "x.safetensors"]) == 2
    capsys.readouterr()
    assert run(["similar", "-c", films, "--text", "a skull", "--encoder", "pixels"]) == 1
    assert "does not support text" in capsys.readouterr().err


def test_the_list_of_encoders_is_as_agreed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encoders", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"name", "dimension", "bytes", "licence", "available"} <= listed["poster"].keys()
    assert listed["poster"]["available"]
    assert listed["poster"]["bytes"] <= 6_000_000
    assert not listed["resnet50"]["available"]
    assert not listed["dinov3_small"]["open_licence"]
    assert run(["encoders"]) == 0
    assert "DINOv3-License (!)" in capsys.readouterr().out


# --- runtimes ------------------------------------------------------------------------------------------------------


def test_openvino_gives_what_onnx_runtime_gives() -> None:
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    images = pictures((192, 128), 20)
    found, wanted = Poster("openvino").encode(images), Poster("onnxruntime").encode(images)
    # Whole numbers are rounded in another order there: near, but not the same.
    assert (found * wanted).sum(1).min() > 0.98


def test_without_openvino_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"posterity\[openvino\]"):
        runtime.load(b"", "openvino", "it")


def test_without_its_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"posterity\[networks\]"):
        Net(KNOWN["resnet18"], file=shared_weights("resnet18")).prepare()


# --- text ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def speaking(tmp_path: Path) -> Net:
    """A tiny image-text network with random weights: it knows nothing, but all of its parts are there."""
    tower = {"layers": 1, "width": 64}
    configuration = {
        "embed_dim": 32,
        "vision_cfg": tower | {"image_size": 64, "patch_size": 16},
        "text_cfg": tower | {"context_length": 77, "vocab_size": 49408, "heads": 2},
    }
    (tmp_path / "tiny-speaking.json").write_text(json.dumps(configuration))
    open_clip.add_model_config(tmp_path / "tiny-speaking.json")
    torch.manual_seed(2)
    module = open_clip.create_model("tiny-speaking", pretrained=None)
    file = tmp_path / "speaking.safetensors"
    safetensors_torch.save_file({key: value.contiguous().clone() for key, value in module.state_dict().items()}, file)
    network = Network("speaking", "open_clip", "tiny-speaking", 32, "test", "MIT", None, square=64, native=None)
    encoder = Net(network, file=file)
    encoder.reference = module  # type: ignore[attr-defined]
    return encoder


def test_text_and_pictures_meet_in_one_space(
    speaking: Net,
    make_posters: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["red skull on black", "a clown"]
    with torch.inference_mode():
        expected = unit(speaking.reference.encode_text(open_clip.get_tokenizer("tiny-speaking")(words)))  # type: ignore[attr-defined]
    vectors = speaking.encode_text(words)
    np.testing.assert_allclose(vectors, expected, atol=2e-5)
    monkeypatch.setitem(ENCODERS._loaded, "speaking", speaking)
    films = tmp_path / "films"
    catalogue_report = posterity.build(
        make_posters(9), films, tmp_path / "posters.csv", encoders=["speaking", "pixels"]
    )
    assert catalogue_report.added == 9
    catalogue = posterity.open(films)
    found = catalogue.similar(text=words[0], k=9)
    assert found.encoder == "speaking"
    assert found.query.text == words[0]
    ids, stored = catalogue.vectors("speaking")
    order = sorted(range(9), key=lambda i: (-float(stored[i] @ vectors[0]), ids[i]))
    assert [match.id for match in found.matches] == [ids[i] for i in order]
    capsys.readouterr()
    assert run(["similar", "-c", str(films), "--text", "a clown", "--json", "--where", "year < 1955"]) == 0
    assert json.loads(capsys.readouterr().out)["query"]["text"] == "a clown"
    assert run(["zero-shot", "-c", str(films), "--labels", "horror,comedy,drama", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["posters"]) == 9
    prompts = [f"a movie poster of a {label} film" for label in ("horror", "comedy", "drama")]
    with torch.inference_mode():
        text = unit(speaking.reference.encode_text(open_clip.get_tokenizer("tiny-speaking")(prompts)))  # type: ignore[attr-defined]
    logits = 100 * stored @ text.T
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    for row, expected_row in zip(told["posters"], shares, strict=True):
        assert row["labels"]["horror"] == pytest.approx(float(expected_row[0]), abs=1e-3)
    assert run(["similar", "-c", str(films), "--text", "a clown", "--out", str(tmp_path / "words.png")]) == 0
    assert cv2.imread(str(tmp_path / "words.png")) is not None
    for bad in (["--labels", "one"], ["--prompt", "no place"]):
        assert run(["zero-shot", "-c", str(films), *bad]) == 1
    assert run(["similar", "-c", str(films), "--text", " "]) == 1
