"""The benchmark's plot: a bar for each scenario, with the part of it that is the codec floor. Pure.

Written as SVG by hand: a library for bars would be a dependency of every installation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 900, 260, 110
_TOP, _BAR, _GAP = 64, 22, 12
_FLOOR, _REST, _INK = "#7a9e7e", "#d9a441", "#222222"


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` milliseconds of CPU a call and second, of which `floor` are libopus and SRTP."""

    label: str
    value: float
    floor: float


def svg(title: str, bars: Sequence[Bar]) -> str:
    """The document."""
    height = _TOP + len(bars) * (_BAR + _GAP) + 40
    longest = max((max(bar.value, bar.floor) for bar in bars), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        _text(20, 24, title, size=15),
        _text(20, 46, "ms of CPU a second and call; the darker part: libopus and SRTP alone"),
    ]
    for number, bar in enumerate(bars):
        y = _TOP + number * (_BAR + _GAP)
        floor = min(bar.floor, bar.value)
        parts += [
            _text(20, y + 16, bar.label),
            _rectangle(_LEFT, y, bar.value * scale, _REST),
            _rectangle(_LEFT, y, floor * scale, _FLOOR),
            _text(_LEFT + bar.value * scale + 8, y + 16, f"{bar.value:.2f}"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, size: int = 13) -> str:
    return f'<text x="{x:.0f}" y="{y}" font-size="{size}" fill="{_INK}">{escape(text)}</text>'


def _rectangle(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
