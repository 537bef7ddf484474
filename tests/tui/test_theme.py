"""What the colours mean is seen by eyes that see fewer of them, and on every background."""

import itertools
from collections.abc import Sequence

import pytest
from textual.color import Color
from textual.theme import Theme

from autoresearch_tui.tui.theme import DARK, LIGHT, SAFE_DARK, SAFE_LIGHT, THEMES, counterpart

_ALL = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
EYES = {
    "all cones": _ALL,
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Of linear RGB: Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of
color vision deficiency", 2009, at full severity."""

CLEAR = 20.0
"""CIELAB distance (1976) from which two small signs are told apart at a glance."""


def linear(colour: str) -> list[float]:
    parts = [part / 255 for part in Color.parse(colour).rgb]
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]


def lab(rgb: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = rgb
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(first: str, second: str, eyes: str) -> float:
    seen: list[tuple[float, float, float]] = []
    for colour in (first, second):
        rgb = linear(colour)
        weighed = (sum(a * b for a, b in zip(row, rgb, strict=True)) for row in EYES[eyes])
        seen.append(lab([min(max(each, 0.0), 1.0) for each in weighed]))
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


def meanings(theme: Theme) -> list[str]:
    found = (theme.success, theme.error, theme.warning, theme.primary)
    return [each for each in found if each is not None]


def nearest(theme: Theme, eyes: str) -> float:
    pairs = itertools.combinations(meanings(theme), 2)
    return min(distance(first, second, eyes) for first, second in pairs)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("theme", [SAFE_DARK, SAFE_LIGHT], ids=lambda theme: theme.name)
def test_a_colour_blind_theme_keeps_its_meanings_apart(theme: Theme, eyes: str):
    assert nearest(theme, eyes) > CLEAR


def test_the_measure_sees_what_the_others_lack():
    assert nearest(DARK, "deuteranopia") < CLEAR
    assert nearest(LIGHT, "protanopia") < CLEAR


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_colour_is_read_on_its_background(theme: Theme):
    assert theme.background is not None
    lowest = linear(theme.background)
    for colour in meanings(theme):
        light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(colour), lowest))
        # WCAG 2: 4.5 to 1 for text.
        assert (light[1] + 0.05) / (light[0] + 0.05) > 4.5, colour


def test_dark_and_light_change_for_the_same_eyes():
    assert counterpart(SAFE_DARK) == SAFE_LIGHT.name
    assert counterpart(SAFE_LIGHT) == SAFE_DARK.name
    assert counterpart(DARK) == LIGHT.name
    assert counterpart(Theme("another", primary="#ffffff", dark=False)) == DARK.name
