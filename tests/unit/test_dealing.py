"""The order of a run: every worker begins with long tests and ends with browsers, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.dealing import dealt

FILES = {
    "architecture/a.py": 40,
    "integration/b.py": 30,
    "integration/c.py": 5,
    "journeys/d.py": 3,
    "journeys/e.py": 4,
    "unit/f.py": 21,
}
TESTS = [(Path("tests") / name, number) for name, tests in FILES.items() for number in range(tests)]


def path_of(test: tuple[Path, int]) -> Path:
    return test[0]


def is_long(test: tuple[Path, int]) -> bool:
    return test in {(Path("tests/integration/b.py"), 7), (Path("tests/journeys/e.py"), 3)}


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_every_test_is_dealt_once(workers: int) -> None:
    assert sorted(dealt(TESTS, workers, path_of, is_long)) == sorted(TESTS)


def test_each_worker_begins_with_what_is_long_and_keeps_browsers_for_the_end() -> None:
    order = dealt(TESTS, 2, path_of, is_long)
    half = len(order) // 2
    for stretch in (order[:half], order[half:]):
        folders = [path.parts[1] for path, _ in stretch]
        browsers = [folder == "journeys" for folder in folders]
        assert folders[0] == "integration" and browsers == sorted(browsers)
    assert [path.name for path, _ in order[1:4]] == ["b.py"] * 3


def test_of_a_folder_what_is_long_comes_first() -> None:
    order = dealt(TESTS, 2, path_of, is_long)
    half = len(order) // 2
    for stretch in (order[:half], order[half:]):
        for folder in ("integration", "journeys"):
            long = [is_long(test) for test in stretch if test[0].parts[1] == folder]
            assert long == sorted(long, reverse=True)
