"""The one place that chooses where files are kept, and whether they are sealed."""

from __future__ import annotations

from portal.config import Settings
from portal.kernel.files import FileStore, LocalFileStore, PlainFileStore
from portal.kernel.s3_shelf import S3Shelf
from portal.kernel.sealed_files import EncryptedFileStore, FileKey


def file_store_of(settings: Settings) -> FileStore:
    """A bucket when one is set, else the folder; encrypted when there is a key. Nothing is reached for before the first use."""
    store = PlainFileStore(S3Shelf(settings.bucket)) if settings.bucket else LocalFileStore(settings.files_folder)
    if settings.file_keys:
        return EncryptedFileStore(store.shelf, [FileKey(key) for key in settings.file_keys])
    return store
