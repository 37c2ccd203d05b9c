"""The objects of a store in object storage, by s3fs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from melmill._remote.file_systems import file_system
from melmill._remote.patience import Patience
from melmill._remote.remote_error import (
    ExistsError,
    GoneError,
    RemoteFaultError,
    error_of,
)
from melmill._transfer.store_url import StoreUrl

# Size of what is sent or asked for at once; a larger object is sent in parts.
PIECE_BYTES: Final = 8 << 20

_MAX_PARTS = 10_000  # of an upload, in S3
_CHECKSUM = "melmill-checksum"  # of an object's metadata
_NOT_IMPLEMENTED = 501


class ObjectStore:
    """The objects directly below a prefix. Threads may share it.

    An object appears with its last byte, or not at all.

    Args:
      url: Bucket and prefix.
      stopping: Is set when no call shall begin any more; calls then raise
        StoppingError.
      on_bytes: Is called with the number of bytes that were sent or came.
      patience: How faults are waited for.

    Raises:
      MissingPackageError: fsspec or s3fs is missing.
      RemoteFaultError: s3fs cannot start, for lack of credentials.
    """

    def __init__(
        self,
        url: StoreUrl,
        stopping: threading.Event,
        on_bytes: Callable[[int], None],
        patience: Patience | None = None,
    ) -> None:
        self.url = url
        self._stopping = stopping
        self._on_bytes = on_bytes
        self._patience = patience or Patience()
        self._knows_conditions = True
        self._system = file_system("s3")

    def sizes(self) -> dict[str, int]:
        """The size in bytes of each object.

        Raises:
          RemoteFaultError: Server, network or credentials fail, or there is no
            such bucket.
          StoppingError: All work stops.
        """
        sizes: dict[str, int] = {}
        more: dict[str, str] = {}
        while True:
            try:
                page = self._call(
                    "list_objects_v2",
                    Bucket=self.url.bucket,
                    Prefix=self.url.prefix,
                    Delimiter="/",
                    **more,
                )
            except GoneError:
                raise RemoteFaultError(
                    f"there is no bucket {self.url.bucket}", can_pass=False
                ) from None
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(self.url.prefix)
                sizes[name] = entry["Size"]
            if not page.get("IsTruncated"):
                return sizes
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def checksum(self, name: str) -> tuple[int, str | None]:
        """Size and checksum that `put` was given; None if it is not there.

        Raises:
          GoneError: There is no such object.
          RemoteFaultError, StoppingError: as `sizes`.
        """
        head = self._call("head_object", **self._place(name))
        return head["ContentLength"], head.get("Metadata", {}).get(_CHECKSUM)

    def read(self, name: str, first: int, end: int) -> Iterator[bytes]:
        """The bytes [first, end) of an object, in pieces.

        Raises: as `checksum`.
        """
        for start in range(first, end, PIECE_BYTES):
            yield self._read_piece(name, start, min(start + PIECE_BYTES, end))

    def put(
        self,
        name: str,
        num_bytes: int,
        checksum: str,
        pieces: Callable[[int], Iterator[memoryview]],
        *,
        replaces: bool = False,
    ) -> None:
        """Makes an object, once all its pieces came.

        Args:
          name: The object.
          num_bytes: Its size.
          checksum: Is kept with it.
          pieces: Gives its bytes in pieces of a size. If it raises, there is no
            object.
          replaces: Whether an object of this name is replaced. A server that
            does not know conditions replaces it always.

        Raises:
          ExistsError: There is an object of this name.
          RemoteFaultError, StoppingError: as `sizes`.
        """
        kept = {"Metadata": {_CHECKSUM: checksum}}
        if num_bytes <= PIECE_BYTES:
            body = b"".join(pieces(PIECE_BYTES))
            self._make("put_object", name, replaces=replaces, Body=body, **kept)
            self._on_bytes(num_bytes)
            return
        begun = self._call(
            "create_multipart_upload", **self._place(name), **kept
        )
        upload = {**self._place(name), "UploadId": begun["UploadId"]}
        try:
            parts = self._send_parts(upload, num_bytes, pieces)
            self._make(
                "complete_multipart_upload",
                name,
                replaces=replaces,
                UploadId=begun["UploadId"],
                MultipartUpload={"Parts": parts},
            )
        except BaseException:
            with contextlib.suppress(Exception):
                self._system.call_s3("abort_multipart_upload", **upload)
            raise

    def remove(self, name: str) -> None:
        """Removes an object, if there is one.

        Raises: as `sizes`.
        """
        with contextlib.suppress(GoneError):
            self._call("delete_object", **self._place(name))

    def _send_parts(
        self,
        upload: dict[str, Any],
        num_bytes: int,
        pieces: Callable[[int], Iterator[memoryview]],
    ) -> list[dict[str, Any]]:
        part_bytes = max(PIECE_BYTES, -(-num_bytes // _MAX_PARTS))
        parts = []
        for number, piece in enumerate(pieces(part_bytes), start=1):
            sent = self._call(
                "upload_part", PartNumber=number, Body=bytes(piece), **upload
            )
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
            self._on_bytes(len(piece))
        return parts

    def _make(
        self, method: str, name: str, *, replaces: bool, **options: Any
    ) -> None:
        """Calls what makes an object; on condition that there is none."""
        place = self._place(name)
        if self._knows_conditions and not replaces:
            try:
                self._call(method, **place, **options, IfNoneMatch="*")
                return
            except GoneError:
                if "UploadId" not in options:
                    raise
                # An answer was lost, and the upload is complete.
                raise ExistsError(f"{name}: the upload has ended") from None
            except RemoteFaultError as error:
                if error.status != _NOT_IMPLEMENTED:
                    raise
                self._knows_conditions = False
        self._call(method, **place, **options)

    def _place(self, name: str) -> dict[str, Any]:
        return {"Bucket": self.url.bucket, "Key": self.url.key(name)}

    def _read_piece(self, name: str, first: int, end: int) -> bytes:
        path = f"{self.url.bucket}/{self.url.key(name)}"

        def attempt() -> bytes:
            try:
                piece: bytes = self._system.cat_file(path, start=first, end=end)
            except Exception as error:
                raise error_of(error) from error
            if len(piece) != end - first:
                raise RemoteFaultError(
                    f"{len(piece):,} of {end - first:,} bytes came"
                )
            return piece

        piece = self._patience.try_until_done(attempt, self._stopping)
        self._on_bytes(len(piece))
        return piece

    def _call(self, method: str, **options: Any) -> Any:
        def attempt() -> Any:
            try:
                return self._system.call_s3(method, **options)
            except Exception as error:
                raise error_of(error) from error

        return self._patience.try_until_done(attempt, self._stopping)
