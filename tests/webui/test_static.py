import hashlib
import json
import re

import pytest

from webui.rendering import FOLDER, STATIC

TOKENS = (STATIC / "tokens.css").read_text()
SURFACES = ("page", "card", "raised")
INKS = ("text", "muted", "gain", "loss", "warn", "info", "live")


def test_vendored_files_are_the_ones_that_were_pinned() -> None:
    pinned = json.loads((STATIC / "vendor" / "vendor.json").read_text())
    named = {name for package in pinned for name in package["files"]}
    assert named | {"vendor.json"} == {path.name for path in (STATIC / "vendor").iterdir()}
    for package in pinned:
        assert package["licence"] and package["version"]
        for name, expected in package["files"].items():
            assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == expected, name


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", INKS)
def test_every_ink_can_be_read_on_every_surface(theme: int, ink: str) -> None:
    for surface in SURFACES:
        assert contrast(colour(ink, theme), colour(surface, theme)) >= 4.5, (ink, surface)


def test_templates_hold_no_inline_code_or_style() -> None:
    for path in (FOLDER / "templates").iterdir():
        text = path.read_text()
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:|<style|<script(?![^>]*\ssrc=)", text), path.name
        assert "| safe" not in text and "|safe" not in text and "autoescape" not in text, path.name


def test_scripts_never_parse_text_as_markup() -> None:
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), (
            path.name
        )


def test_pages_ask_nothing_of_other_hosts() -> None:
    for path in [*(FOLDER / "templates").iterdir(), *STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        assert not re.search(r"https?://", path.read_text()), path.name


def colour(name: str, theme: int) -> str:
    found = re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\)", TOKENS)
    assert found, name
    return found.group(theme + 1)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour_: str) -> float:
    parts = [int(colour_[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
