"""Files that support a collection, a contact or a deposit."""
