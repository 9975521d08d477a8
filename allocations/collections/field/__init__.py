"""What agents do away from the desk: contacts, promises, the day's list, what phones send."""
