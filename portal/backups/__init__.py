"""Backups of database and files, and putting them back."""
