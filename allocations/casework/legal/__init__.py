"""Legal readiness: what a step against a borrower needs, until when, and what stands in its way."""
