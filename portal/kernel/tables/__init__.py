"""Sheets in and out: read_sheet (sheet.py), write_csv and write_xlsx (out.py), copy_rows and stage (bulk.py)."""
