"""The tensors of a file that PyTorch saved, read without PyTorch and without running anything in it.

Such a file holds pickles, and a pickle is a program. This reader interprets only the few instructions that a dictionary
of tensors is written with, lets them refer to four names, and refuses everything else: it calls nothing that a file
names. Only the format from before PyTorch 1.6 is read, five pickles followed by the numbers, which the packages of the
extra ``imagenet`` use.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

_NUMBERS: dict[str, np.dtype[Any]] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
_DICTIONARY = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"


class TensorsError(ValueError):
    """A file is not in the format that this reader supports."""


@dataclass(frozen=True)
class _Name:
    """One of the four names that a file may refer to."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """A run of numbers at the end of the file."""

    key: str
    kind: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _View:
    """A tensor: a view of a storage, with an offset, a shape and the steps between its numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class _Mark:
    """Where a group of values begins on the stack."""


def read_tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Read a dictionary of tensors: name -> array, of float32 or int64.

    Raises:
        TensorsError: The file has another format, is truncated, or holds anything but plain tensors.
    """
    file = io.BytesIO(content)
    try:
        head = [_Reader().run(file) for _ in range(5)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TensorsError(f"not a dictionary of tensors as PyTorch saved it before 1.6: {error}") from error
    magic, protocol, system, views, keys = head
    if magic != _MAGIC or protocol != _PROTOCOL or not isinstance(system, dict) or not system.get("little_endian"):
        raise TensorsError("not a dictionary of tensors as PyTorch saved it before 1.6")
    if not isinstance(views, dict) or not all(isinstance(view, _View) for view in views.values()):
        raise TensorsError("it holds something other than tensors")
    storages = {view.storage.key: view.storage for view in views.values()}
    if not isinstance(keys, list) or set(map(type, keys)) != {str} or sorted(keys) != sorted(storages):
        raise TensorsError("its list of storages is not that of its tensors")
    numbers = {key: _numbers(content, file, storages[key]) for key in keys}
    if file.tell() != len(content):
        raise TensorsError(f"{len(content) - file.tell()} bytes are left over at its end")
    return {name: _cut(numbers[view.storage.key], view, name) for name, view in views.items()}


def _numbers(content: bytes, file: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    start = file.tell() + 8
    end = start + storage.length * storage.kind.itemsize
    if int.from_bytes(file.read(8), "little") != storage.length or end > len(content):
        raise TensorsError("it is cut short")
    file.seek(end)
    return np.frombuffer(content, storage.kind, storage.length, start)


def _cut(numbers: NDArray[Any], view: _View, name: str) -> NDArray[Any]:
    last = view.offset + sum((n - 1) * step for n, step in zip(view.shape, view.steps, strict=True))
    if 0 in view.shape or last >= len(numbers) or math.prod(view.shape) > len(numbers):
        raise TensorsError(f"the tensor {name} reaches beyond its storage")
    steps = [step * numbers.itemsize for step in view.steps]
    return np.lib.stride_tricks.as_strided(numbers[view.offset :], view.shape, steps, writeable=False)


class _Reader:
    """Interprets the instructions of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.kept: dict[Any, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        """Interpret the instructions to the end, and return the result."""
        for code, argument, _ in pickletools.genops(file):
            if code.name == "STOP":
                (made,) = self.stack
                return made
            if code.name in _VALUES:
                self.stack.append(_VALUES[code.name](argument))
            elif code.name in ("BINPUT", "LONG_BINPUT"):
                self.kept[argument] = self.stack[-1]
            elif code.name in ("BINGET", "LONG_BINGET"):
                self.stack.append(self.kept[argument])
            elif code.name in _STEPS:
                _STEPS[code.name](self)
            elif code.name != "PROTO":
                raise TensorsError(f"the instruction {code.name} is not one that tensors are written with")
        raise TensorsError("it is cut short")

    def group(self) -> list[Any]:
        """Pop the values above the last mark, and the mark."""
        at = max(i for i, value in enumerate(self.stack) if isinstance(value, _Mark))
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def tuple(self) -> None:
        """Turn the values above the last mark into a tuple."""
        self.stack.append(tuple(self.group()))

    def tuple_of(self, n: int) -> None:
        """Turn the last ``n`` values into a tuple."""
        values = tuple(self.stack[-n:])
        del self.stack[-n:]
        self.stack.append(values)

    def set_items(self, values: list[Any]) -> None:
        """Put alternating names and values into the dictionary below them."""
        target = self.stack[-1]
        if not isinstance(target, dict) or len(values) % 2 or not all(isinstance(key, str) for key in values[::2]):
            raise TensorsError("names were expected")
        target.update(zip(values[::2], values[1::2], strict=True))

    def set_item(self) -> None:
        """Put one name and its value into the dictionary below them."""
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def append(self) -> None:
        """Add the values above the last mark to the list below it."""
        values = self.group()
        if not isinstance(self.stack[-1], list):
            raise TensorsError("a list was expected")
        self.stack[-1].extend(values)

    def storage(self) -> None:
        """Turn ``("storage", kind, key, "cpu", length, None)`` into a storage."""
        word, kind, key, _, length, view = self.stack.pop()
        if word != "storage" or not isinstance(kind, _Name) or view is not None or not isinstance(key, str):
            raise TensorsError("a storage was expected")
        if type(length) is not int or length < 0:
            raise TensorsError("a storage has no length")
        self.stack.append(_Storage(key, _NUMBERS[kind.name], length))

    def call(self) -> None:
        """Replace a call by the empty dictionary or tensor that it makes; refuse all other calls."""
        arguments, name = self.stack.pop(), self.stack.pop()
        if name == _Name(_DICTIONARY) and arguments == ():
            self.stack.append({})
        elif name == _Name(_TENSOR):
            storage, offset, shape, steps, _, _ = arguments
            whole = [offset, *shape, *steps]
            plain = isinstance(storage, _Storage) and len(shape) == len(steps)
            if not plain or any(type(n) is not int or n < 0 for n in whole):
                raise TensorsError("a tensor was expected")
            self.stack.append(_View(storage, offset, shape, steps))
        else:
            raise TensorsError("it makes a call that is not allowed")

    def attributes(self) -> None:
        """Ignore the attributes set on the dictionary of tensors: versions of its parts."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], dict) or not isinstance(state, dict) or set(state) != {"_metadata"}:
            raise TensorsError("it sets attributes")


def _name(name: str) -> _Name:
    if name not in (_DICTIONARY, _TENSOR, *_NUMBERS):
        raise TensorsError(f"it refers to {name!r}")
    return _Name(name)


_VALUES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("LONG1", "BININT", "BININT1", "BININT2", "BINUNICODE"), lambda argument: argument),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "MARK": lambda _: _Mark(),
    "GLOBAL": _name,
}
"""Instructions that put a value on the stack."""

_STEPS: dict[str, Callable[[_Reader], None]] = {
    "TUPLE": _Reader.tuple,
    "TUPLE1": lambda reader: reader.tuple_of(1),
    "TUPLE2": lambda reader: reader.tuple_of(2),
    "SETITEM": _Reader.set_item,
    "SETITEMS": lambda reader: reader.set_items(reader.group()),
    "APPENDS": _Reader.append,
    "BINPERSID": _Reader.storage,
    "REDUCE": _Reader.call,
    "BUILD": _Reader.attributes,
}
"""Instructions that transform what is on the stack."""
