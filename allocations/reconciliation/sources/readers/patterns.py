"""Patterns that people write for a layout. RE2 matches them: its time grows with the text alone, whoever made pattern and text."""

from __future__ import annotations

from functools import cache
from typing import Any

import re2

LONGEST_PATTERN = 200
LONGEST_STORY = 1000  # characters of a narrative a pattern is tried on
MOST_MEMORY = 1 << 16  # bytes a pattern may take once compiled: nested counts multiply


@cache
def compiled(pattern: str) -> Any:
    """A pattern whatever its case. Raises re2.error where it is none, or asks for what RE2 leaves out: looking back or ahead."""
    options = re2.Options()
    options.case_sensitive, options.log_errors, options.max_mem = False, False, MOST_MEMORY
    return re2.compile(pattern, options)


def unusable(pattern: str) -> str:
    """Why a pattern is not used: too long or large, none at all, or without a group; "" when it may be."""
    if len(pattern) > LONGEST_PATTERN:
        return f"it is longer than {LONGEST_PATTERN} characters"
    try:
        groups = compiled(pattern).groups
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        return f"it is not a pattern we can use ({why})"
    return "" if groups else "its first group (in round brackets) would be the reference, and it has none"


def first_group(pattern: str, story: str) -> str:
    """What the first group of a pattern finds in the beginning of a narrative, "" for nothing."""
    found = compiled(pattern).search(story[:LONGEST_STORY])
    return (found[1] or "") if found else ""
