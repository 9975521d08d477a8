"""Who may put a key to what: limits by amount and date, delegations, and one act a person on one item."""
