"""Sheets in and out: open_sheet (source.py) for what others send, read_sheet (sheet.py) for files taken at their word, write_csv
and write_xlsx (out.py), copy_rows and stage (bulk.py)."""
