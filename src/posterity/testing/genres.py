"""Conventions of genres for the generator: how films are named, and how their posters look."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The inks of a poster: the background from top to bottom, a highlight, and the lettering."""

    top: RGB
    bottom: RGB
    accent: RGB
    shade: RGB
    ink: RGB


@dataclass(frozen=True)
class Genre:
    """A genre's conventions.

    Attributes:
        palettes: The inks of its posters.
        motifs: Names in :data:`posterity.testing.motifs.MOTIFS`.
        patterns: Titles with placeholders {adjective}, {noun}, {place} and {name}.
        adjectives: Adjectives for titles.
        nouns: Nouns for titles.
        title: Position of the title: "top", "middle" or "bottom".
        spaced: Whether the title's letters are widely spaced.
        grain: Strength of the film grain, in levels.
        also: Genres that it is often combined with.
        weight: How common it is.
        budget: Median budget in millions of dollars.
    """

    palettes: tuple[Palette, ...]
    motifs: tuple[str, ...]
    patterns: tuple[str, ...]
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    title: str
    spaced: bool
    grain: float
    also: tuple[str, ...]
    weight: float
    budget: float


def _p(*inks: str) -> Palette:
    """Read five inks from hexadecimal."""
    top, bottom, accent, shade, ink = ((int(i[0:2], 16), int(i[2:4], 16), int(i[4:6], 16)) for i in inks)
    return Palette(top, bottom, accent, shade, ink)


GENRES: dict[str, Genre] = {
    "Drama": Genre(
        (_p("d9d2c4", "8f8575", "7a2e1f", "3b352d", "221e1a"), _p("4f5d66", "c9b79c", "e0d4bf", "20282e", "f4efe4"),
         _p("b7c0bd", "5c6b69", "d8a25e", "263230", "f6f1e6")),
        ("horizon", "window", "couple", "tree"),
        ("The {adjective} {noun}", "{noun} in {place}", "All Our {noun}s", "What {name} Left"),
        ("Quiet", "Last", "Borrowed", "Unfinished", "Patient", "Distant"),
        ("Orchard", "Winter", "Letter", "Harbour", "Inheritance", "Silence", "Afternoon"),
        "bottom", True, 7, ("Romance", "Thriller", "War"), 3.0, 9,
    ),
    "Comedy": Genre(
        (_p("fff6d8", "ffe27a", "e8452c", "2b6cb0", "d5281c"), _p("ffffff", "e9f5fb", "ffb703", "219ebc", "e63946"),
         _p("fef9ef", "ffd6ba", "2a9d8f", "e76f51", "1d3557")),
        ("balloons", "rays", "checker", "dots"),
        ("{name} Gets {adjective}", "My {adjective} {noun}", "Two {noun}s & a Half", "Oh, {name}!",
         "The {noun} Next Door"),
        ("Ridiculous", "Accidental", "Totally Fine", "Overdressed", "Lucky"),
        ("Honeymoon", "Neighbour", "Wedding", "Lodger", "Holiday", "Penguin", "Aunt"),
        "top", False, 2, ("Romance", "Family"), 2.4, 16,
    ),
    "Horror": Genre(
        (_p("0a0a0c", "2a0508", "b3121d", "000000", "d8d2c8"), _p("05080a", "1b2420", "7fb069", "000000", "e4572e"),
         _p("120a14", "3d0c11", "e0d7c6", "050205", "c1121f")),
        ("forest", "eye", "house", "claws", "moon"),
        ("The {noun}", "{noun} of {place}", "Don't Wake the {noun}", "It {adjective} at Night"),
        ("Breathes", "Waits", "Crawls", "Whispers"),
        ("Hollow", "Cellar", "Harvest", "Lantern", "Seance", "Marrow", "Threshold"),
        "bottom", True, 16, ("Thriller", "Mystery"), 1.5, 6,
    ),
    "Romance": Genre(
        (_p("ffd7ba", "ff8fa3", "ffffff", "6d2e46", "6d2e46"), _p("fec89a", "d8577a", "fff1e6", "4a1942", "fffaf5"),
         _p("fde2e4", "f4acb7", "9d8189", "5e3a4b", "7b2d43")),
        ("sun_sea", "couple", "hearts", "balloons"),
        ("Love in {place}", "A {adjective} {noun}", "{name} & {name2}", "The {noun} Between Us"),
        ("Summer", "Tender", "Second", "Paper"),
        ("Kiss", "Promise", "Waltz", "Ocean", "Season", "Valentine"),
        "middle", False, 4, ("Drama", "Comedy"), 1.4, 12,
    ),
    "Science Fiction": Genre(
        (_p("050b1f", "123a6b", "5ee7ff", "02040c", "dff6ff"), _p("0b0630", "4b1d8f", "ff4ecd", "04021a", "eef0ff"),
         _p("06161c", "0f5963", "ffb347", "01080b", "e8fbff")),
        ("planet", "grid", "rays", "rings"),
        ("{place} Protocol", "{adjective} {noun}", "The {noun} Paradox", "{noun} Zero", "Beyond {place}"),
        ("Silent", "Binary", "Terminal", "Parallel", "Final"),
        ("Orbit", "Signal", "Horizon", "Colony", "Transit", "Machine"),
        "bottom", True, 6, ("Action", "Adventure"), 1.2, 45,
    ),
    "Western": Genre(
        (_p("f4d58d", "bf6b2c", "8d0801", "3a1d0a", "4a1c06"), _p("f7b267", "c8553d", "ffe8c2", "2f1408", "2f1408")),
        ("mesas", "horizon", "sun_sea"),
        ("{adjective} at {place}", "The {noun} of {place}", "{name} Rides Again", "{noun} Creek"),
        ("High Noon Dust", "Six Graves", "Last Stage", "Gold"),
        ("Rustler", "Saddle", "Drifter", "Coyote", "Sheriff"),
        "top", False, 12, ("Action", "Adventure"), 0.8, 10,
    ),
    "Action": Genre(
        (_p("0d1b24", "e07a1f", "ffd166", "05090c", "ffffff"), _p("14213d", "c1440e", "fca311", "060a14", "ffffff"),
         _p("1a1a1a", "7f1d1d", "ff6b35", "000000", "f8f8f8")),
        ("skyline", "rays", "sun_sea", "rings"),
        ("{adjective} {noun}", "{noun} Down", "No {noun}", "{place} Run"),
        ("Maximum", "Rapid", "Iron", "Hostile", "Zero"),
        ("Velocity", "Impact", "Siege", "Trigger", "Mercy", "Fallout"),
        "bottom", True, 9, ("Adventure", "Thriller"), 1.6, 55,
    ),
    "Thriller": Genre(
        (_p("1c1f24", "586069", "d62828", "07080a", "f1f1f1"), _p("101418", "2f4550", "f4d35e", "05070a", "f4f4f8")),
        ("blinds", "window", "skyline", "rings"),
        ("The {adjective} {noun}", "{noun}", "Nobody's {noun}", "The {place} File"),
        ("Vanishing", "Second", "Perfect", "Hidden"),
        ("Witness", "Alibi", "Passenger", "Motive", "Double", "Informant"),
        "middle", True, 11, ("Crime", "Mystery"), 1.6, 22,
    ),
    "Animation": Genre(
        (_p("8ecae6", "c9f2c7", "ffb703", "3a7d44", "fb5607"), _p("bde0fe", "ffc8dd", "ffd60a", "5a189a", "5a189a"),
         _p("caffbf", "9bf6ff", "ff595e", "1982c4", "6a4c93")),
        ("hills", "balloons", "dots", "planet"),
        ("{name} and the {adjective} {noun}", "{noun} Island", "The Little {noun}"),
        ("Magic", "Flying", "Singing", "Runaway"),
        ("Dragon", "Teapot", "Cloud", "Turtle", "Kite", "Robot"),
        "top", False, 1, ("Family", "Comedy"), 1.0, 60,
    ),
    "Documentary": Genre(
        (_p("f2f2ee", "dcdcd4", "1d3557", "6b705c", "161616"), _p("e8e4da", "c8c2b4", "bc4749", "386641", "1b1b1b")),
        ("bars", "rings", "horizon", "dots"),
        ("{place}: A {noun}", "The {noun} Question", "Counting Every {noun}", "How to Build a {noun}"),
        ("Open",),
        ("History", "River", "Bridge", "Winter", "Machine", "City"),
        "top", False, 3, ("History", "Drama"), 0.8, 1.5,
    ),
    "War": Genre(
        (_p("b8b08d", "5b5a3c", "7f1d1d", "23231a", "f1ead2"), _p("8c8c7a", "3f4238", "d9ae61", "191b16", "efe9d5")),
        ("horizon", "rays", "birds"),
        ("The {noun} Line", "{adjective} {noun}", "Road to {place}", "The Bridge of {place}"),
        ("Broken", "Fallen", "Northern"),
        ("Regiment", "Trench", "Convoy", "Armistice", "Bugle"),
        "bottom", True, 15, ("Drama", "History"), 0.8, 24,
    ),
    "Fantasy": Genre(
        (_p("1b1464", "7b4fa0", "ffd27d", "0b0830", "fff3d6"), _p("0f3d3e", "6fb98f", "f9e784", "06201f", "fffbe6")),
        ("mountains", "castle", "moon", "tree"),
        ("The {noun} of {place}", "{name} and the {adjective} {noun}", "Song of the {noun}"),
        ("Glass", "Thousandth", "Hidden", "Silver"),
        ("Crown", "Oracle", "Raven", "Thorn", "Lantern", "Gate"),
        "bottom", False, 5, ("Adventure", "Family"), 1.0, 50,
    ),
}  # fmt: skip

PLACES = ("Velmora", "Santa Brisa", "Kaldvik", "Ostrava Bay", "Mount Ashby", "Juniper Falls", "Tarn", "Calle Nueve",
          "Étoile", "Port Winnow", "Sable Ridge", "Løvik", "Harrowgate", "Nine Pines", "Zürau", "Red Mesa")  # fmt: skip
NAMES = ("Marguerite", "Otto", "Inés", "Wendell", "Pia", "Caspian", "Dora", "Bruno", "Solveig", "Amadou", "Lola",
         "Theodore", "Yuki", "Mr. Pemberton", "Zoë", "Hank")  # fmt: skip
