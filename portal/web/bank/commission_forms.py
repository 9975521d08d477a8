"""Forms beside the commission pages."""

from __future__ import annotations

from portal.web.edge import ActForm


class CheckForm(ActForm):
    """A day computed again; the address says which."""
