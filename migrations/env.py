"""Alembic's entry: migrates the database of the connection it is handed (see portal/setup.py)."""

from __future__ import annotations

from typing import Any

from alembic import context

from portal.tables import whole_metadata


def ours(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """The queue's own tables live in a schema of their own and are none of Alembic's business."""
    return kind != "table" or getattr(item, "schema", None) is None


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=whole_metadata(),
    include_object=ours,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
