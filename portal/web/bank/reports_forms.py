"""Forms of reports: keep an answer, have one made every month, make the auditor's pack."""

from __future__ import annotations

from portal.web.edge import ActForm


class KeepForm(ActForm):
    """No more than the token; what is kept stands in the address."""
