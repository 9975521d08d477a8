"""The fonts papers are typeset with: those in typst's package, and for India's scripts the open ones a system has packages for.

The package's only Devanagari is New Computer Modern's: no conjuncts, and letters set so far apart that the line over a word breaks.
The system is asked for nothing else, so that a paper in Latin letters looks the same on every machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

LATIN = "Libertinus Serif"
SCRIPTS = ("Devanagari", "Bengali", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Odia", "Oriya", "Tamil", "Telugu")
KINDS = ("Noto Serif", "Noto Sans", "Lohit")  # the first there is, by script
# Debian's fonts-lohit-* and fonts-noto-core, Fedora's google-noto and lohit packages.
FOLDERS = ("truetype/lohit-*", "truetype/noto", "google-noto*", "lohit-*")
SYSTEM = Path("/usr/share/fonts")


@cache
def fonts() -> Any:
    """What typst may use."""
    import typst  # slow to load

    folders = [str(folder) for pattern in FOLDERS for folder in sorted(SYSTEM.glob(pattern)) if folder.is_dir()]
    return typst.Fonts(include_system_fonts=False, font_paths=folders)


def indic() -> list[str]:
    """The fonts to try for letters of India's scripts, in their order; for no other letters."""
    there = set(fonts().families())
    return [name for kind in KINDS for script in SCRIPTS if (name := f"{kind} {script}") in there]


def has_devanagari() -> bool:
    return any(name.endswith("Devanagari") for name in indic())
