"""How money leaves: one protocol, several rails."""
