"""Pictures that are small to send and dear to decode: refused by their headers, or decoded where they can be ended."""

from __future__ import annotations

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from posterity.errors import ImageError
from posterity.images import THUMBNAIL_SIZE, Limits, apart, examine
from posterity.images.cost import MOST_BYTES, MOST_SCANS, cost_of


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def jpeg_of_scans(n: int, size: tuple[int, int] = (40, 60)) -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    data = saved(Image.new("RGB", size, (200, 30, 30)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * (n - data.count(b"\xff\xda")) + b"\xff\xd9"


def reason(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        examine(data, THUMBNAIL_SIZE)
    return caught.value.reason


def test_a_jpeg_of_thousands_of_scans_is_refused_undecoded() -> None:
    assert reason(jpeg_of_scans(2000)) == "too_costly"
    assert cost_of(jpeg_of_scans(MOST_SCANS), "JPEG").scans == MOST_SCANS


def test_few_scans_of_a_large_picture_are_refused_too() -> None:
    data = bytearray(jpeg_of_scans(100))
    at = data.index(b"\xff\xc2") + 5
    data[at : at + 4] = struct.pack(">HH", 8000, 8000)
    assert reason(bytes(data)) == "too_costly"


def test_bytes_like_scans_in_what_is_appended_do_not_count() -> None:
    """Telephones append a film to a photograph."""
    data = saved(Image.new("RGB", (40, 60)), "JPEG") + b"\xff\xda" * 3000
    assert cost_of(data, "JPEG").scans == 1
    assert examine(data).width == 40


def test_depth_counts_as_well_as_pixels() -> None:
    grey = Image.fromarray(np.zeros((9000, 9000), np.float32))
    data = saved(grey, "TIFF", compression="tiff_lzw")
    assert cost_of(data, "TIFF").bytes == 9000 * 9000 * 8 > MOST_BYTES
    with pytest.raises(ImageError) as caught:
        examine(data, THUMBNAIL_SIZE)
    assert caught.value.reason in ("too_costly", "too_many_pixels")


def test_a_deep_picture_is_refused_before_its_numbers_are_stretched() -> None:
    assert reason(saved(Image.fromarray(np.zeros((8900, 8900), np.uint16)), "PNG")) == "too_costly"


def test_a_large_picture_is_decoded_apart_and_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.linspace(0, 65535, 6000).astype(np.uint16)[:, None].repeat(4500, 1)
    data = saved(Image.fromarray(rows), "PNG")
    calls: list[list[str]] = []
    run = subprocess.run

    def watched(command: list[str], **options: object) -> object:
        calls.append(command)
        return run(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", watched)
    found = examine(data, THUMBNAIL_SIZE)
    assert [command[-2:] for command in calls] == [["-m", "posterity.images.apart"]]
    assert (found.width, found.height, found.mode) == (4500, 6000, "I;16")
    height, width, _ = found.pixels.shape
    assert apart.ENOUGH[0] <= height < 1200
    assert apart.ENOUGH[1] <= width < 900
    assert found.pixels[0].max() < 10 < 245 < found.pixels[-1].min()
    assert examine(data, (384, 256)).pixels is found.pixels  # held: whoever encodes it does not decode it once more
    assert len(calls) == 1
    with pytest.raises(ImageError, match="pixels"):
        examine(data, THUMBNAIL_SIZE, Limits(max_pixels=10**6))


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 1.0)

    monkeypatch.setattr(subprocess, "run", never)
    assert reason(saved(Image.new("I;16", (5000, 5000)), "PNG")) == "too_costly"


def test_a_process_that_dies_is_told_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run

    def killed(command: list[str], **options: object) -> object:
        return run(
            [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], capture_output=True
        )

    monkeypatch.setattr(subprocess, "run", killed)
    assert reason(saved(Image.new("I;16", (5000, 5000)), "PNG")) == "too_costly"


def test_what_is_wrong_with_a_large_picture_is_told_as_of_a_small_one() -> None:
    data = saved(Image.new("I;16", (5000, 5000)), "PNG")
    assert reason(data[:-40]) == "truncated"
    assert apart.SECONDS >= 30  # large posters of archives take seconds on a slow machine


@pytest.mark.parametrize(
    "values", [np.uint16([[0, 128, 129, 65535]]), np.int32([[0, 255, 7, 9]]), np.float32([[-1, 0, 0.5, 1]])]
)
def test_deep_pictures_come_to_eight_bits_as_by_the_plain_formula(values: np.ndarray) -> None:
    pixels = examine(saved(Image.fromarray(values.repeat(600, 0).repeat(8, 1)), "TIFF")).pixels[0, ::8, 0]
    numbers = values[0].astype(float)
    if values.dtype == np.uint16:
        expected = (numbers / 257).round()
    elif values.dtype == np.int32:
        expected = numbers
    else:
        expected = ((numbers + 1) * 127.5).round()
    assert pixels.tolist() == expected.astype(int).tolist()
