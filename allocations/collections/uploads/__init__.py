"""Files of collections: read, checked, stored, corrected."""
