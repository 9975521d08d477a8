"""A payment-file layout as a form says the same as its text: there and back for those built in, and for what is typed wrongly."""

from __future__ import annotations

import pytest

from payouts.rails.layouts import layout_of, layout_problems, profile_of
from payouts.rails.profiles import PROFILES
from portal.web.finance.layout_sheet import START, acted, layout_typed, shown_layout


def fields(layout):
    """What a browser sends of the form that shows this layout."""
    shown, sent = shown_layout(layout), {}
    for name in ("label", "source", "line_end", "date_format", "extension", "amount_format"):
        sent[f"v/{name}"] = str(shown[name])
    sent["v/max_bytes"] = str(shown.get("max_bytes") or "")
    sent["v/separator"] = {"\t": "tab", "": "fixed"}.get(shown["separator"], shown["separator"])
    for part in ("header", "record", "trailer"):
        sent[f"rows/{part}"] = str(len(shown[part]))
        for place, row in enumerate(shown[part]):
            sent |= {f"v/{part}/{place}/{key}": str(value) for key, value in row.items() if key != "required"}
            if row["required"]:
                sent[f"v/{part}/{place}/required"] = "yes"
    for name, value in shown["answer"].items():
        if name != "trailer_hash" or value:
            sent[f"v/answer/{name}"] = str(value)
    return sent


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda each: each.name)
def test_a_layout_goes_into_the_form_and_comes_back_the_same(profile):
    layout = layout_of(profile)
    assert profile_of("own", 1, layout_typed(fields(layout))) == profile_of("own", 1, layout)


def test_where_one_begins_anew_only_the_label_is_missing():
    assert [problem.column for problem in layout_problems("own", layout_typed(fields(START)))] == ["label"]


def test_what_is_typed_wrongly_is_named_at_its_column():
    sent = fields(START) | {"v/label": "x", "v/record/1/width": "wide", "v/answer/ref": "-1", "v/separator": "#"}
    assert {problem.column for problem in layout_problems("own", layout_typed(sent))} == {
        "record 2",
        "answer ref",
        "separator",
    }
    assert shown_layout({"record": "no list", "answer": 7})["record"] == []


def test_columns_are_added_moved_and_dropped():
    def names(layout):
        return [row["name"] for row in layout["record"]]

    assert names(acted(START, "down:record/0"))[:2] == ["name", "reference"]
    assert names(acted(START, "up:record/0")) == names(START) == names(acted(START, "drop:record/99"))
    assert names(acted(START, "drop:record/4"))[-1] == "ifsc"
    assert len(acted(START, "add:header")["header"]) == 1 and acted(START, "add:answer") == START
    assert START["header"] == []
