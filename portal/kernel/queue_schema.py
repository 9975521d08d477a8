"""The queue's own tables: procrastinate's schema in a database schema called `queue`, and the one door into it.

Applied by migration 0001. A later procrastinate may bring a changed schema: `INSTALLED` then no longer matches (a test says so) and a
migration of ours has to carry its SQL over.
"""

from __future__ import annotations

import hashlib

from procrastinate.schema import SchemaManager
from sqlalchemy import Connection

INSTALLED = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"

# The library's functions and triggers use bare names; with this they work from any connection (a rescue, psql, a restore).
BOUND = """
do $$ declare item regprocedure; begin
    for item in select oid::regprocedure from pg_proc where pronamespace = 'queue'::regnamespace loop
        execute format('alter function %s set search_path = queue, pg_temp', item);
    end loop;
end $$;
"""

# The one function the application's roles may call to add a job. It stamps the job with the scope of the transaction that
# asks, so that a job an agency started can never see more than that agency.
DOOR = """
create function public.portal_enqueue(job text, arguments jsonb, progress_id bigint, lock_name text) returns bigint
language sql security definer set search_path = queue, pg_temp as $$
    select (procrastinate_defer_jobs_v1(array[row(
        'portal', 'run', 0, lock_name, null,
        jsonb_build_object(
            'job', job,
            'arguments', arguments,
            'progress_id', progress_id,
            'agency_id', nullif(current_setting('portal.agency_id', true), '')::bigint
        ),
        null
    )::procrastinate_job_to_defer_v1]))[1]
$$;
revoke all on function public.portal_enqueue(text, jsonb, bigint, text) from public;
grant execute on function public.portal_enqueue(text, jsonb, bigint, text) to portal_bank, portal_agency;
"""

# The worker signs in with the bank's login and becomes portal_bank.
GRANTS = """
grant usage on schema queue to portal_bank;
grant select, insert, update, delete on all tables in schema queue to portal_bank;
grant usage on all sequences in schema queue to portal_bank;
"""


def library_sql() -> str:
    """The tables and functions the installed library wants; unqualified names."""
    return SchemaManager.get_schema()


def library_fingerprint() -> str:
    return hashlib.sha256(library_sql().encode()).hexdigest()


def schema_sql() -> str:
    """Everything the queue needs, as one script for the schema's owner, after the roles exist. It contains bare `%` and `:`."""
    enter = "create schema queue;\nset local search_path to queue, pg_catalog;\n"
    leave = "set local search_path to public;\n"
    return enter + library_sql() + leave + BOUND + DOOR + GRANTS


def create_queue(connection: Connection) -> None:
    """Lay out the queue within the connection's transaction."""
    connection.exec_driver_sql(schema_sql(), execution_options={"no_parameters": True})


def drop_queue(connection: Connection) -> None:
    connection.exec_driver_sql("drop function public.portal_enqueue(text, jsonb, bigint, text)")
    connection.exec_driver_sql("drop schema queue cascade")
