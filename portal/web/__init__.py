"""Pages, by audience; a view and its form live side by side."""
