"""Links written while others are still sought: those of a rung that took many, of which it is certain that nobody will be refused beside
them any more. The database takes them in while this process climbs on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.hashes import link_marks, total
from allocations.reconciliation.matching.key_index import Mask
from allocations.reconciliation.matching.settled import without_rivals
from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.writing import add_links, link_rows, pieces
from portal.kernel.tables.bulk import Text

SOON = 50_000  # links of one rung; fewer are written with the rest


class Handing:
    """`begin` makes the run's row, which links name; it is asked once, by the thread that has the session (`database`)."""

    def __init__(
        self, session: Session, database: ThreadPoolExecutor, begin: Callable[[], ReconRun], now: datetime
    ) -> None:
        self.session, self.database, self.begin, self.now = session, database, begin, now
        self.run: Future[ReconRun] | None = None
        self.value = 0  # the sum of the marks of what went in
        self._written: list[Mask] = []
        self._waiting: list[Future[None]] = []

    def __call__(self, book: Book, links: pd.DataFrame) -> None:
        """Takes a rung's links (see `match`) and has those that may go in at once written, piece by piece."""
        if len(links) < SOON:
            self._written.append(np.zeros(len(links), dtype=bool))
            return
        done = without_rivals(book, links)
        self._written.append(done)
        new = links[done].assign(status="confirmed")
        for here in pieces(new):
            piece = new.take(here)
            marks = link_marks(book.world, piece, "confirmed")
            self.value += total(marks)
            if self.run is None:
                self.run = self.database.submit(self.begin)
            self._waiting.append(self.database.submit(self._add, link_rows(book.world, piece, marks, {})))

    def _add(self, rows: Text) -> None:
        add_links(self.session, rows, self._begun().id, self.now)

    def _begun(self) -> ReconRun:
        assert self.run is not None
        return self.run.result()

    @property
    def written(self) -> Mask | None:
        """Which of `Matches.confirmed`, in their order, went in; None where no rung was handed over, as when links were undone."""
        return np.concatenate(self._written) if self._written else None

    def settle(self) -> None:
        """Waits for what was handed over; what failed fails the run."""
        if self.run is not None:
            self.run.result()
        for each in self._waiting:
            each.result()
