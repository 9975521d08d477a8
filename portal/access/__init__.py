"""Who may do what: users, sign-in, roles, and the one policy table."""
