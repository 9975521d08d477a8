"""Icons drawn inline from the set that Bootstrap-Flask installs: no sprite of a megabyte goes to a phone."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

SYMBOL = re.compile(r'<symbol class="[^"]*" viewBox="0 0 16 16" id="([^"]+)">(.*?)</symbol>', re.DOTALL)


@cache
def _shapes() -> dict[str, str]:
    sprite = files("flask_bootstrap") / "static/bootstrap5/icons/bootstrap-icons.svg"
    return dict(SYMBOL.findall(sprite.read_text("utf-8")))


@cache
def icon(name: str, label: str = "") -> Markup:
    """The named icon as inline SVG, hidden from readers unless it has a label. KeyError for a name the set lacks."""
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    shape = Markup(_shapes()[name])
    return Markup('<svg class="icon" viewBox="0 0 16 16" fill="currentColor" {}>{}</svg>').format(spoken, shape)


def exists(name: str) -> bool:
    """Whether the installed set has an icon of this name."""
    return str(escape(name)) == name and name in _shapes()
