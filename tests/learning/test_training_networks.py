"""Networks: built as published, fed as asked for, resumed as if nothing had happened, judged as probes are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture, real_data
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import posterity
from posterity.encoders import ENCODERS
from posterity.errors import ArgumentError, UnknownNameError
from posterity.images import decode, fit
from posterity.learning.networks.architectures import OWN, from_onnx, make, measure_norms
from posterity.learning.networks.config import NETWORKS, TrainConfig, config_for
from posterity.learning.networks.pictures import Packed, augmented, batches, pack
from posterity.learning.networks.training import logits, train

torch = pytest.importorskip("torch")


def packed(n: int = 24, size: tuple[int, int] = (64, 48)) -> tuple[Packed, np.ndarray]:
    """Make pictures of two kinds, dark and bright, and their labels."""
    rng = np.random.default_rng(0)
    level = np.arange(n) % 2
    made = (rng.integers(0, 90, (n, *size, 3)) + level[:, None, None, None] * 150).astype(np.uint8)
    return Packed(tuple(f"tt{i}" for i in range(n)), made), np.eye(2)[level]


def tiny(**changes: Any) -> TrainConfig:
    return config_for("resnet18", size=(64, 48), batch=8, amp="off", **changes)


def test_the_seeds_network_has_the_layers_and_parameters_that_were_published() -> None:
    """As its Keras summary counts them, with 28 genres: 1,216 + 12,832 + 51,264 + 102,464 + 327,808 + 8,256 + 1,820."""
    net = make(config_for("seed-cnn"), 28)
    counts = [sum(p.numel() for p in m.parameters()) for m in net.modules() if type(m).__name__ in ("Conv2d", "Linear")]
    assert counts == [1_216, 12_832, 51_264, 102_464, 327_808, 8_256, 1_820]
    assert net(torch.zeros(2, 3, 200, 150)).shape == (2, 28)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"deep-wide"}))
def test_every_network_gives_scores_and_learns_where_it_should(name: str) -> None:
    config = config_for(name)
    net = make(config, 5)
    frozen = {key for key, p in net.named_parameters() if not p.requires_grad}
    before = {key: p.detach().clone() for key, p in net.named_parameters()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    scores = net(torch.randn(2, 3, *config.size))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    optimizer.step()
    for key, p in net.named_parameters():
        if key in frozen:
            assert torch.equal(p, before[key]), "what is frozen does not move"
    moved = [key for key, p in net.named_parameters() if not torch.equal(p, before[key])]
    assert any(key.startswith("head") for key in moved)
    assert bool(frozen) == (name == "vgg16")
    if name == "vgg16":
        convolutions = [key for key in moved if key.startswith("body.0") and key.endswith("weight")]
        assert len(convolutions) == 3, "the last four layers: three convolutions and a pooling"


def test_mish_and_the_deep_stem_are_where_they_belong() -> None:
    kinds = {name: [type(m).__name__ for m in make(config_for(name), 2).modules()] for name in NETWORKS if "18" in name}
    assert "Mish" in kinds["resnet18-mish"]
    assert "ReLU" not in kinds["resnet18-mish"]
    assert kinds["resnet18d"].count("Conv2d") == kinds["resnet18"].count("Conv2d") + 2, "three convolutions for a stem"
    assert "AvgPool2d" in kinds["resnet18d"]


def test_the_encoder_in_the_box_is_the_same_in_full_precision() -> None:
    files = sorted(real_data("posters").glob("*.jpg"))[:12]
    pictures = np.stack([fit(decode(path.read_bytes()), (192, 128)) for path in files])
    shipped = ENCODERS.get("poster").encode(pictures)
    model = Path(posterity.__file__).parent / "encoders" / "poster.onnx"
    net = from_onnx(model.read_bytes()).eval()
    mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) * 255 for each in OWN)
    with torch.no_grad():
        own = net((torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - mean) / deviation).numpy()
    cosine = (own * shipped).sum(1) / np.linalg.norm(own, axis=1)
    assert cosine.min() > 0.995, "but for quantisation"


def test_measuring_norms_changes_nothing_that_is_computed() -> None:
    net = make(tiny(), 2).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as weights are that were released folded
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            module.running_mean.uniform_(-1, 1)
            module.running_var.fill_(1)
    x = torch.randn(16, 3, 64, 48)
    with torch.no_grad():
        before = net(x)
        assert measure_norms(net, x) == 20
        torch.testing.assert_close(net(x), before, rtol=1e-3, atol=1e-3)
        assert measure_norms(net, x) == 0, "those that have measures keep them"


def test_a_network_learns_what_can_be_learned() -> None:
    pictures, Y = packed()
    rows = np.arange(16)
    trained = train(tiny(epochs=6, rate=1e-3), pictures, Y, rows, np.arange(16, 24), single=True, show_progress=False)
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3, 4, 5, 6]
    best = min(trained.history, key=lambda epoch: epoch.validation_loss or 9)
    assert trained.best == best.epoch
    scores = logits(trained.net, trained.config, pictures, np.arange(24))
    assert (scores.argmax(1) == Y.argmax(1)).mean() > 0.9


@pytest.mark.parametrize("single", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(single: bool, tmp_path: Path) -> None:
    pictures, Y = packed()
    config = tiny(epochs=3, augmentation="strong", mixup=0.2, label_smoothing=0.1)
    parts = (np.arange(16), np.arange(16, 24))
    whole = train(config, pictures, Y, *parts, single=single, show_progress=False)

    class CutError(Exception):
        pass

    calls = 0

    def cut(number: int, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise CutError
        return real_epoch(number, *args, **kwargs)

    from posterity.learning.networks import training

    real_epoch = training._epoch
    try:
        training._epoch = cut
        with pytest.raises(CutError):
            train(config, pictures, Y, *parts, single=single, folder=tmp_path, show_progress=False)
    finally:
        training._epoch = real_epoch
    resumed = train(config, pictures, Y, *parts, single=single, folder=tmp_path, show_progress=False)
    assert [e.loss for e in resumed.history] == pytest.approx([e.loss for e in whole.history], rel=1e-5)
    rows = np.arange(24)
    np.testing.assert_allclose(
        logits(resumed.net, config, pictures, rows), logits(whole.net, config, pictures, rows), atol=1e-4
    )
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("epoch,loss,validation_loss")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]
    assert json.loads((tmp_path / "checkpoint.json").read_text())["best"] == whole.best
    other = train(tiny(epochs=1), pictures, Y, *parts, single=single, folder=tmp_path, show_progress=False)
    assert len(other.history) == 1, "another configuration begins anew"
    for rows, labels in ((np.arange(8, 24), Y), (np.arange(16), Y[::-1])):
        args = (pictures, labels, rows, np.arange(4))
        fresh = train(tiny(epochs=1), *args, single=single, show_progress=False)
        again = train(tiny(epochs=1), *args, single=single, folder=tmp_path, show_progress=False)
        assert again.history[0].loss == pytest.approx(fresh.history[0].loss, rel=1e-5), "other posters begin anew"


def test_training_stops_early_and_freezes_what_it_should() -> None:
    pictures, _ = packed()
    noise = np.eye(2)[np.random.default_rng(0).integers(0, 2, 24)]
    config = tiny(epochs=30, patience=2, rate=3e-3, freeze=True)
    before = {k: v.clone() for k, v in make(config, 2).state_dict().items()}
    trained = train(config, pictures, noise, np.arange(16), np.arange(16, 24), single=True, show_progress=False)
    assert len(trained.history) < 30
    assert len(trained.history) == trained.best + 2
    for key, value in trained.net.state_dict().items():
        assert torch.equal(value, before[key]) == (not key.startswith("head")), key


def test_batches_are_the_same_for_a_seed_and_hold_each_picture_once() -> None:
    pictures, _ = packed(21)
    rows = np.arange(21)
    one, two, three = (
        list(batches(pictures, rows, 4, augmentation="seed", seed=seed, shuffle=True, workers=2)) for seed in (1, 1, 2)
    )
    assert sorted(np.concatenate([taken for taken, _ in one]).tolist()) == list(range(20)) or len(one[-1][0]) > 1
    assert all((a[1] == b[1]).all() for a, b in zip(one, two, strict=True))
    assert not all((a[0] == b[0]).all() for a, b in zip(one, three, strict=True))
    plain = list(batches(pictures, rows, 4))
    assert all((shown == pictures.pictures[taken]).all() for taken, shown in plain)
    assert np.concatenate([taken for taken, _ in plain]).tolist() == list(range(21))


@pytest.mark.parametrize("how", ["seed", "strong"])
def test_looks_are_of_the_same_picture(how: str) -> None:
    image = np.asarray(picture(3, (96, 144)))
    looks = [augmented(image, how, np.random.default_rng(seed)) for seed in range(12)]
    assert all(look.shape == image.shape and look.dtype == np.uint8 for look in looks)
    assert len({look.tobytes() for look in looks}) == 12
    if how == "seed":  # no colour is invented: crops, turns and mirrors only move what is there
        assert max(abs(look.mean() - image.mean()) for look in looks) < 30
    np.testing.assert_array_equal(augmented(image, how, np.random.default_rng(5)), looks[5])


def test_posters_are_packed_once_and_fitted_as_asked_for(films: posterity.Catalogue) -> None:
    posters = films.posters()
    made = pack(films.store, posters, (48, 32), "pad", show_progress=False)
    path = Path(posters[3].source) / posters[3].path
    np.testing.assert_array_equal(made.pictures[3], fit(decode(path.read_bytes(), (96, 64)), (48, 32), "pad"))
    (file,) = (films.folder / "cache").iterdir()
    stamp = file.stat().st_mtime_ns
    pack(films.store, posters, (48, 32), "pad", show_progress=False)
    assert file.stat().st_mtime_ns == stamp
    assert pack(films.store, posters, (48, 32), "stretch", show_progress=False).pictures.shape == (12, 48, 32, 3)


def test_a_network_is_trained_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from posterity.cli import run

    made = posterity.write_sample(tmp_path / "demo", 100)
    posterity.build(made.posters, tmp_path / "films", made.metadata, encoders=["poster"])
    films = posterity.open(tmp_path / "films")
    films.learn.split("c", "classes", classes=("Drama", "Thriller"))
    words = ["train", "genres", "-c", str(tmp_path / "films"), "--network", "poster", "--split", "c", "--epochs", "1"]
    page = tmp_path / "page.html"
    assert run([*words, "--json", "-q", "--out", str(page)]) == 0, capsys.readouterr().err
    told = json.loads(capsys.readouterr().out)
    assert {"balanced_top_1", "baselines", "history", "parameters", "n_train", "n_test"} <= set(told)
    assert told["parameters"] > 2_500_000
    assert (Path(told["folder"]) / "log.csv").exists()
    assert "<svg" in page.read_text()
    assert run(["train", "genres", "-c", str(tmp_path / "films"), "--epochs", "3"]) == 2
    assert "--network" in capsys.readouterr().err


def test_what_cannot_be_configured_is_said() -> None:
    for changes, error, why in (
        ({"network": "nosuch"}, UnknownNameError, "seed-cnn"),
        ({"network": "resnet18", "fit": "nosuch"}, UnknownNameError, "stretch"),
        ({"network": "resnet18", "colour": 1}, UnknownNameError, "epochs"),
        ({"network": "resnet18", "epochs": 0}, ArgumentError, "invalid epochs: 0"),
        ({"network": "resnet18", "rate": 0.0}, ArgumentError, "rate"),
        ({"network": "seed-cnn", "size": (224, 224)}, ArgumentError, "200×150"),
    ):
        with pytest.raises(error, match=why):
            config_for(**changes)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="does not accept weights"):
        make(config_for("seed-cnn"), 2, Path("x.safetensors"))
