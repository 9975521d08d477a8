"""An agency's own pages: its accounts, what it reports, what it earned."""
