"""Reports for the board, the regulator and the auditor: what is asked, what it was answered, and the pack of a month."""
