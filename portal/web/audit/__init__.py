"""Pages of the auditor: the log, verification, the trace."""
