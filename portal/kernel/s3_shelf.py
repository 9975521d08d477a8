"""A bucket of any S3-compatible store as a shelf."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from portal.kernel.errors import Unavailable

PART = 8 * 2**20  # bytes; larger files go up in parts of this size, two at a time: some 40 MiB of memory at most
GONE = {"404", "NoSuchKey", "NotFound"}


@dataclass(frozen=True)
class Bucket:
    """Where and as whom. No endpoint: Amazon's own; no keys: what the machine's own identity gives."""

    name: str
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)


class S3Shelf:
    """Names are object keys under the bucket's prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._client = _client(bucket)
        self._prefix = f"{bucket.prefix.strip('/')}/" if bucket.prefix.strip("/") else ""

    def put(self, name: str, source: BinaryIO) -> None:
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)
        config.max_in_memory_upload_chunks = 2  # read ahead; ten would be its own choice
        with _said_plainly(name):
            # The transfer closes what it is given; the caller's stream is the caller's.
            self._client.upload_fileobj(_Kept(source), self.bucket.name, self._prefix + name, Config=config)

    def open(self, name: str) -> BinaryIO:
        with _said_plainly(name):
            body = self._client.get_object(**self._at(name))["Body"]
        return io.BufferedReader(_Body(body, name), 1 << 18)

    def has(self, name: str) -> bool:
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        with _said_plainly(name):
            return int(self._client.head_object(**self._at(name))["ContentLength"])

    def delete(self, name: str) -> None:
        with _said_plainly(name):
            self._client.delete_object(**self._at(name))

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self._prefix + name}


def _client(bucket: Bucket) -> Any:
    import boto3
    from botocore.config import Config

    for name in ("boto3", "botocore", "s3transfer"):
        logging.getLogger(name).setLevel(logging.INFO)  # below that the library writes down whole signed requests
    # Checksums beyond the protocol's own are not understood by every compatible store; what we read we check ourselves.
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 3},
        s3={"addressing_style": "path" if bucket.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=bucket.endpoint or None,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key_id or None,
        aws_secret_access_key=bucket.secret_access_key or None,
        config=config,
    )


@contextmanager
def _said_plainly(name: str) -> Iterator[None]:
    """The library's errors as ours, without what it was asked with."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in GONE:
            raise FileNotFoundError(name) from None
        raise Unavailable(f"The file store refused us ({code}). Check its bucket and keys.") from None
    except (BotoCoreError, Boto3Error) as error:
        raise Unavailable(f"The file store does not answer ({type(error).__name__}).") from None


class _Kept(io.RawIOBase):
    """A readable stream that stays open when its reader closes it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._source.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _Body(io.RawIOBase):
    """An answer's body, its failures said plainly."""

    def __init__(self, body: Any, name: str) -> None:
        self._body, self._name = body, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _said_plainly(self._name):
            chunk = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()
