"""A killed worker's sheets do not stay in the temporary folder."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portal.kernel.tables.leftovers import IN_USE, sweep

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def left(folder: Path, name: str, age: timedelta) -> Path:
    path = folder / name
    path.mkdir()
    (path / "sheet.csv").write_text("Asha Rao")
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_old_folders_of_ours_go_and_everything_else_stays(tmp_path: Path) -> None:
    second = timedelta(seconds=1)
    gone = [left(tmp_path, f"portal-{kind}-1", IN_USE + second) for kind in ("sheet", "upload")]
    kept = [
        left(tmp_path, "portal-sheet-2", IN_USE - second),
        left(tmp_path, "portal-other-1", IN_USE + second),
        left(tmp_path, "somebody-elses", IN_USE + second),
    ]
    target = left(tmp_path, "target", IN_USE + second)
    link = tmp_path / "portal-sheet-link"
    link.symlink_to(target, target_is_directory=True)
    assert sweep(NOW, tmp_path) == 2
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in [*kept, target, link])
