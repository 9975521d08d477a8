from __future__ import annotations

import pandas as pd

RIVAL = ["collection_id", "line_id", "posting_id", "of_collection_id", "of_line_id", "why", "gap_minor", "days"]


def find_rivals(book, links):
    return pd.DataFrame(columns=RIVAL)
