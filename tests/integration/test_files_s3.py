"""Files in a bucket, over the real protocol: a store of the same kind listens on this machine."""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from portal.config import Settings
from portal.kernel.errors import Unavailable
from portal.kernel.files import FileDamaged, FileStore, PlainFileStore
from portal.kernel.s3_shelf import PART, Bucket, S3Shelf
from portal.kernel.sealed_files import FRAME, EncryptedFileStore, FileKey
from portal.stores import file_store_of

numbers = itertools.count(1)
SECRET = "s3cret/Key+OfTheBucket0123456789abcdefgh"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A process of its own, so that what it keeps in memory is not taken for ours."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError("the store did not start")


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    name = f"files-{next(numbers)}"
    made = Bucket(name, endpoint, prefix="portal/kept/", access_key_id="AKIDEXAMPLE", secret_access_key=SECRET)
    client(made).create_bucket(Bucket=name)
    return made


def client(bucket: Bucket):
    return boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key_id,
        aws_secret_access_key=bucket.secret_access_key,
    )


def keys_in(bucket: Bucket) -> list[str]:
    return [entry["Key"] for entry in client(bucket).list_objects_v2(Bucket=bucket.name).get("Contents", [])]


@pytest.fixture(params=["plain", "sealed"])
def store(request: pytest.FixtureRequest, bucket: Bucket) -> FileStore:
    keys = (os.urandom(32),) if request.param == "sealed" else ()
    return file_store_of(Settings(bucket=bucket, file_keys=keys))


@pytest.mark.parametrize("size", [0, 1, FRAME + 1, PART - 1, 2 * PART + 5])
def test_what_is_put_comes_back_in_every_way(store, bucket, tmp_path, size):
    data = os.urandom(size)
    sha256 = store.put(data)
    assert store.put(data) == sha256 == hashlib.sha256(data).hexdigest()
    assert store.has(sha256) and store.size(sha256) == size and store.read(sha256) == data
    store.copy_to(sha256, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert store.put_file(tmp_path / "copy") == sha256
    (key,) = keys_in(bucket)
    assert key.startswith("portal/kept/")
    store.delete(sha256)
    assert keys_in(bucket) == [] and not store.has(sha256)


def test_what_is_not_there_is_not_there(store, tmp_path):
    missing = hashlib.sha256(b"never").hexdigest()
    assert not store.has(missing)
    for ask in (store.read, store.open, store.size):
        with pytest.raises(FileNotFoundError):
            ask(missing)
    store.delete(missing)


def test_a_byte_changed_in_the_bucket_is_never_handed_out(store, bucket):
    sha256 = store.put(os.urandom(FRAME * 2))
    (key,) = keys_in(bucket)
    data = client(bucket).get_object(Bucket=bucket.name, Key=key)["Body"].read()
    client(bucket).put_object(Bucket=bucket.name, Key=key, Body=data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(FileDamaged):
        store.read(sha256)


def test_files_from_before_the_key_are_read_and_can_be_sealed(bucket):
    sha256 = PlainFileStore(S3Shelf(bucket)).put(b"from before")
    store = EncryptedFileStore(S3Shelf(bucket), [FileKey(bytes(range(32)))])
    assert store.read(sha256) == b"from before" and store.reseal(sha256) and store.read(sha256) == b"from before"
    (key,) = keys_in(bucket)
    assert key.startswith("portal/kept/sealed/") and sha256 not in key


def test_a_large_file_goes_up_in_parts_and_memory_stays_flat(store, bucket, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(1 << 20))
    store.put(b"the library loads what it needs")
    tracemalloc.start()
    try:
        sha256 = store.put_file(large)
        store.copy_to(sha256, tmp_path / "back")
        assert tracemalloc.get_traced_memory()[1] < 6 * PART
    finally:
        tracemalloc.stop()
    assert (tmp_path / "back").stat().st_size == 64 << 20
    sizes = {key: client(bucket).head_object(Bucket=bucket.name, Key=key) for key in keys_in(bucket)}
    (tag,) = [head["ETag"].strip('"') for head in sizes.values() if head["ContentLength"] > PART]
    assert int(tag.partition("-")[2]) >= 8, "sent in parts"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"name": "nobody-made-this"}, "NoSuchBucket"), ({"endpoint": "http://127.0.0.1:9"}, "does not answer")],
)
def test_what_is_wrong_with_the_bucket_is_said_without_its_keys(bucket, wrong, said, caplog):
    caplog.set_level(logging.DEBUG)
    store = file_store_of(Settings(bucket=replace(bucket, **wrong)))
    with pytest.raises(Unavailable, match=said) as caught:
        store.put(b"a")
    told = str(caught.value) + caplog.text + repr(Settings(bucket=bucket, file_keys=(b"\x07" * 32,)))
    assert SECRET not in told and "AKIDEXAMPLE" not in told and "x07" not in told


def test_one_place_chooses(bucket, tmp_path):
    key = os.urandom(32)
    kinds = {
        (bucket, ()): (PlainFileStore, S3Shelf),
        (bucket, (key,)): (EncryptedFileStore, S3Shelf),
        (None, (key,)): (EncryptedFileStore, type(file_store_of(Settings(home=tmp_path)).shelf)),
    }
    for (place, keys), (store_kind, shelf_kind) in kinds.items():
        chosen = file_store_of(Settings(home=tmp_path, bucket=place, file_keys=keys))
        assert (type(chosen), type(chosen.shelf)) == (store_kind, shelf_kind)
    file_store_of(Settings(home=Path(tmp_path), file_keys=(key,))).put(b"sealed where it lies")
    assert [path.parts[-3] for path in tmp_path.rglob("*") if path.is_file()] == ["sealed"]
