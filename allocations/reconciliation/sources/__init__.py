"""What comes in: bank statements and core-banking postings, read, proved and stored once."""
