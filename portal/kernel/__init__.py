"""Ground: money, periods, clock, database, audit, files, jobs, tables. Imports nothing of ours."""
