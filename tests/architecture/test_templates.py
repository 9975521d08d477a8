"""What the house promises about its templates."""

from __future__ import annotations

import re

import pytest
from jinja2 import TemplateError

from tests.architecture.source import ROOT

TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))


def test_every_template_parses_with_the_filters_it_names(app):
    """One application for all of them: making it costs more than parsing."""
    faults = []
    for path in TEMPLATES:
        try:
            app.jinja_env.compile(path.read_text(), filename=str(path))
        except TemplateError as error:
            faults.append(f"{path.relative_to(ROOT)}: {error}")
    assert not faults


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_bring_nothing_from_elsewhere_and_run_no_script_of_their_own(path):
    text = path.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](https?:)?//""", text), "our pages load from this server alone"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "the content policy forbids inline handlers"
