"""What a killed process leaves in the temporary folder: sheets being read, which name borrowers. Swept when a worker starts."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

PREFIXES = ("portal-sheet-", "portal-upload-")
IN_USE = timedelta(hours=6)  # longer than any reading may take


def sweep(now: datetime, folder: Path | None = None) -> int:
    """Remove our own folders nobody has touched for hours; returns how many. Folders of another user stay."""
    swept = 0
    for path in (folder or Path(tempfile.gettempdir())).glob("portal-*"):
        try:
            is_old = now.timestamp() - path.stat().st_mtime > IN_USE.total_seconds()
        except OSError:  # its owner was quicker
            continue
        if path.name.startswith(PREFIXES) and path.is_dir() and not path.is_symlink() and is_old:
            shutil.rmtree(path, ignore_errors=True)
            swept += not path.exists()
    return swept
