"""The process that looks into files: it dies alone, comes back, knows no secret, and keeps each file's limits apart."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.kernel.errors import Invalid
from portal.kernel.examining import examiner as asking
from portal.kernel.pictures import Limits, examine
from tests.factories import honest_files as honest
from tests.factories.hostile_pdfs import HOSTILE

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes as Linux shows them")
GOOD = honest.encoded(honest.photo(1, (200, 150)))


def is_good() -> bool:
    return examine(GOOD, name="x").width == 200


def code_of(data: bytes, limits: Limits = Limits()) -> str:
    with pytest.raises(Invalid) as caught:
        examine(data, name="x", limits=limits)
    return caught.value.problems[0].code


def test_a_file_that_kills_its_reader_harms_nobody_after_it():
    bomb = HOSTILE["pdf_whose_page_inflates_without_end"]()[1]
    process = started()
    assert code_of(bomb) == "too_much_work"
    assert is_good() and started() == process, "only the copy died"


def started() -> int:
    is_good()
    process = asking.examiner()._process
    assert process
    return process.pid


def test_seconds_of_work_are_limited():
    document = honest.pdf()
    document.pages[0].Contents = document.make_stream(b"0 0 m 400 600 9 500 300 20 c S\n" * 500_000)
    assert code_of(honest.saved(document), Limits(seconds=1)) == "too_much_work"
    assert is_good()


def test_a_process_that_was_killed_is_started_again():
    before = started()
    os.kill(before, signal.SIGKILL)
    assert is_good() and started() != before


def test_files_are_looked_into_side_by_side():
    started()
    bad = HOSTILE["png_cut_off"]()[1]
    with ThreadPoolExecutor(8) as pool:
        good = [pool.submit(is_good) for _ in range(12)]
        codes = [pool.submit(code_of, bad) for _ in range(12)]
        assert all(each.result() for each in good) and {each.result() for each in codes} == {"damaged_picture"}
    assert threading.active_count() < 20


def test_a_forked_server_process_has_its_own():
    ours = started()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on, where the test runner has threads
        child = os.fork()
    if child == 0:  # a server's worker
        theirs = started()
        asking.examiner().close()
        os.write(writing, b"good" if theirs != ours else b"same")
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 9) == b"good"
    os.close(reading)
    os.waitpid(child, 0)
    assert is_good() and started() == ours


@needs_proc
def test_it_is_started_without_our_environment(monkeypatch):
    monkeypatch.setenv("PORTAL_FILE_KEY", "secret")
    asking.examiner().close()
    assert b"PORTAL" not in Path(f"/proc/{started()}/environ").read_bytes()


@needs_proc
def test_it_opens_nothing_of_ours():
    assert len(list(Path(f"/proc/{started()}/fd").iterdir())) <= 5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0",
        b"\0\0\0\x05{}",
        b"\0\0\0\x02{}more",
        b"\0\0\0\x02[]",
        b"\0\0\0\x10" + b'{"parts":[99]}  ',
        b"\0\0\0\x10" + b'{"parts":["a"]} ',
        b"\xff\xff\xff\xff",
    ],
)
def test_an_answer_that_is_none_is_not_believed(answer):
    assert asking._parts_of(answer) is None
