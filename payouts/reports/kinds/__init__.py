"""One module a report: what it asks, what it reads, and what each of its columns means."""
