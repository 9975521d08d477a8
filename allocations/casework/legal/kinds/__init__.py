"""One module a kind of legal step: its gates and its clocks. Pure."""
