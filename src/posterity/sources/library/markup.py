"""XML as far as it goes: what stands before a damage is kept, and what could make a parser work for ever is refused."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.entities import html5
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from posterity.sources import values

_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})

_DEEPEST = 4
"""Elements below are not kept."""


class RefusedError(ValueError):
    """A document declares a document type or entities, which can be made to expand without end."""


@dataclass
class Element:
    """An element: its name in lower case and without its namespace, and what is in it."""

    name: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says, on one line; what was escaped twice, as some programs do, is resolved twice."""
        return " ".join(_ENTITY.sub(lambda found: html.unescape(found[0]), "".join(self.parts)).split())

    def all(self, *names: str) -> Iterator[Element]:
        """Give its children of those names, in the order of the names."""
        return (child for name in names for child in self.children if child.name == name)

    def first(self, *names: str) -> str | None:
        """Give what the first child of those names that says anything says."""
        return next((found for child in self.all(*names) if (found := values.text(child.text))), None)


class Tree:
    """What a parser calls: keeps the finished elements that are wanted, and the root even if it stays open.

    Attributes:
        root: The outermost element; None where there is none.
        complete: Whether it was closed.
        size: How many elements were closed.
    """

    def __init__(self, wanted: Callable[[str], object]) -> None:
        self._wanted = wanted
        self.root: Element | None = None
        self.complete = False
        self.size = 0
        self._open: list[Element | None] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        name = tag.rpartition("}")[2].lower()
        parent = self._open[-1] if self._open else None
        element = None
        if not self._open or (parent and len(self._open) < _DEEPEST and (len(self._open) > 1 or self._wanted(name))):
            element = Element(name, attributes)
        self.root = self.root or element
        self._open.append(element)

    def data(self, written: str) -> None:
        """Add to the element that is open."""
        if self._open and (element := self._open[-1]):
            element.parts.append(written)

    def end(self, _tag: str) -> None:
        """Finish the element that is open."""
        element = self._open.pop()
        self.size += 1
        if not self._open:
            self.complete = True
        elif element and (parent := self._open[-1]):
            parent.children.append(element)

    def close(self) -> None:
        """Nothing is left to do; the parser wants it."""


def resolved(document: str) -> str:
    """Put characters in the place of HTML's named entities, which XML has not.

    >>> resolved("Am&eacute;lie &amp; &LT;b&gt; &nosuch;")
    'Am\xe9lie &amp; &lt;b&gt; &nosuch;'
    """

    def character(found: re.Match[str]) -> str:
        return found[0] if found[0][1:-1] in _OF_XML or found[0][1] == "#" else escape(html.unescape(found[0]))

    return _ENTITY.sub(lambda found: found[0] if found[0][1:] not in html5 else character(found), document)


def parse(document: str, wanted: Callable[[str], object]) -> tuple[Tree, str | None]:
    """Parse a document as far as it goes; give what was found, and what was wrong with the rest.

    Args:
        document: Without a declaration of an encoding.
        wanted: Whether an element of that name, directly in the root, is kept.

    Raises:
        RefusedError: It declares a document type or entities.
    """
    tree = Tree(wanted)
    parser = DefusedXMLParser(target=tree, forbid_dtd=True)
    try:
        parser.feed(document)
        parser.close()
    except ParseError as error:
        return tree, str(error)
    except DefusedXmlException as error:
        raise RefusedError("it declares a document type or entities") from error
    return tree, None
