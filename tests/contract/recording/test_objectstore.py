"""What every object store must do, held by the fake, by SeaweedFS and by moto; then what can go wrong with S3."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from cti.demo.objectstore import RunningObjectStore
from cti.domain.errors import CallerError, NotFound, PeerError, Unavailable
from recording.buckets import State, look
from recording.objects import S3Options
from recording.objectstore import CHUNK_BYTES, MULTIPART_FROM_BYTES, ObjectChanged, ObjectStore, S3ObjectStore
from recording.replay import Replay
from recording.s3errors import StillLocked
from tests.contract.recording.conftest import moto_store, seaweed_store
from tests.contract.recording.test_ledger import stored
from tests.unit.recording.fakes import MemoryLedger, MemoryObjectStore

pytestmark = pytest.mark.asyncio(loop_scope="package")


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def a_file(folder: Path, size: int, seed: int = 1) -> tuple[Path, str]:
    path = folder / "object"
    path.write_bytes(noise(size, seed))
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


async def all_of(chunks: AsyncIterator[bytes]) -> list[bytes]:
    return [chunk async for chunk in chunks]


@pytest.mark.parametrize("size", [1, 100_000, MULTIPART_FROM_BYTES - 1, MULTIPART_FROM_BYTES + 12_345])
async def test_what_is_put_is_read_back(store: ObjectStore, tmp_path: Path, size: int) -> None:
    path, sha256 = a_file(tmp_path, size)
    await store.put(f"demo/{size}", path, sha256=sha256, content_type="audio/webm")
    head = await store.head(f"demo/{size}")
    assert (head.size, head.content_type) == (size, "audio/webm")
    assert head.sha256 in (sha256, None)  # rclone keeps no marks: replay then reads an object whole, once
    assert await store.hash(f"demo/{size}") == (sha256, size)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (0, 300_000), (299_999, 300_000), (70_000, 70_001), (65_536, 131_072), (5, 200_005)]
)
async def test_any_range_in_small_chunks(store: ObjectStore, tmp_path: Path, start: int, end: int) -> None:
    path, sha256 = a_file(tmp_path, 300_000)
    await store.put("demo/range", path, sha256=sha256, content_type="audio/webm")
    etag = (await store.head("demo/range")).etag
    chunks = await all_of(store.chunks("demo/range", start=start, end=end, etag=etag))
    assert b"".join(chunks) == noise(300_000)[start:end]
    assert max(map(len, chunks)) <= CHUNK_BYTES


async def test_an_empty_range_asks_nobody(store: ObjectStore) -> None:
    assert await all_of(store.chunks("demo/nothing", start=5, end=5, etag="x")) == []


async def test_a_range_of_an_object_that_was_replaced_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, 1000)
    await store.put("demo/replaced", path, sha256=sha256, content_type="audio/webm")
    etag = (await store.head("demo/replaced")).etag
    await store.put_bytes("demo/replaced", noise(1000, seed=2), content_type="audio/webm")
    with pytest.raises(ObjectChanged):
        await all_of(store.chunks("demo/replaced", start=0, end=10, etag=etag))


async def test_a_listener_may_go_away_in_the_middle(store: ObjectStore, tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, 1_000_000)
    await store.put("demo/left", path, sha256=sha256, content_type="audio/webm")
    etag = (await store.head("demo/left")).etag
    chunks = store.chunks("demo/left", start=0, end=1_000_000, etag=etag)
    assert len(await anext(chunks)) == CHUNK_BYTES
    await chunks.aclose()  # type: ignore[attr-defined]
    assert await store.hash("demo/left") == (sha256, 1_000_000)


async def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    for ask in (store.head("demo/none"), store.hash("demo/none"), store.read("demo/none", limit=10)):
        with pytest.raises(NotFound):
            await ask
    with pytest.raises(NotFound):
        await all_of(store.chunks("demo/none", start=0, end=1, etag="0" * 32))
    await store.delete("demo/none")


async def test_delete(store: ObjectStore) -> None:
    await store.put_bytes("demo/short", b"x", content_type="text/plain")
    await store.delete("demo/short")
    with pytest.raises(NotFound):
        await store.head("demo/short")


async def test_a_small_object_is_read_whole_and_a_large_one_refused(store: ObjectStore) -> None:
    await store.put_bytes("demo/small", b"0123456789", content_type="application/json")
    assert await store.read("demo/small", limit=10) == b"0123456789"
    with pytest.raises(CallerError, match="larger than 9 bytes"):
        await store.read("demo/small", limit=9)


async def test_the_bucket_is_made_once(store: ObjectStore) -> None:
    await store.ensure_bucket()
    await store.put_bytes("demo/kept", b"x", content_type="text/plain")
    await store.ensure_bucket()
    assert await store.read("demo/kept", limit=1) == b"x"


async def test_putting_again_replaces(store: ObjectStore, tmp_path: Path) -> None:
    for seed in (1, 2):
        path, sha256 = a_file(tmp_path, 1000, seed)
        await store.put("demo/again", path, sha256=sha256, content_type="audio/webm")
    assert await store.hash("demo/again") == (sha256, 1000)


# --- Only S3 ---------------------------------------------------------------------------------------------------------


async def test_the_wrong_hash_never_becomes_an_object(seaweed: RunningObjectStore, tmp_path: Path) -> None:
    store = seaweed_store(seaweed)
    path, _ = a_file(tmp_path, 1000)
    with pytest.raises(PeerError):
        await store.put("demo/wrong", path, sha256=hashlib.sha256(b"other").hexdigest(), content_type="audio/webm")
    with pytest.raises(NotFound):
        await store.head("demo/wrong")


async def test_parts_of_an_upload_that_broke_off_are_not_left(moto: str, tmp_path: Path) -> None:
    store = moto_store(moto)
    await store.ensure_bucket()
    path, sha256 = a_file(tmp_path, MULTIPART_FROM_BYTES + 1)
    client = store._s3

    def break_off(**_: object) -> None:
        raise OSError("the disk has a hole")

    client.upload_part = break_off  # type: ignore[method-assign,assignment]
    with pytest.raises(Unavailable):
        await store.put("demo/broken", path, sha256=sha256, content_type="audio/webm")
    assert client.list_multipart_uploads(Bucket="recordings").get("Uploads", []) == []


async def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    store = moto_store(f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="did not answer"):
        await store.head("demo/x")


async def test_a_server_that_hangs_up_in_the_middle_of_an_object() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 206 OK\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n' + bytes(10))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    store = moto_store(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(Unavailable):
        await all_of(store.chunks("demo/x", start=0, end=1000, etag="x"))
    server.close()


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (403, "SignatureDoesNotMatch", Unavailable, "check the access key"),
        (503, "SlowDown", Unavailable, "SlowDown"),
        (500, "InternalError", Unavailable, "InternalError"),
        (404, "NoSuchBucket", Unavailable, "bucket .* does not exist"),
        (400, "BadDigest", PeerError, "did not arrive"),
        (412, "PreconditionFailed", ObjectChanged, "not the object"),
        (416, "InvalidRange", CallerError, "no such range"),
    ],
)
async def test_what_the_server_says_is_said_in_our_words(
    status: int, code: str, error: type[Exception], words: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    store = moto_store(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    with pytest.raises(error, match=words):
        await store.read("demo/x", limit=10)
    server.close()


async def test_a_closed_store_says_so(moto: str) -> None:
    store = S3ObjectStore(bucket="b", endpoint_url=moto, access_key="k", secret_key="s")
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.head("demo/x")


# --- Locks, versions, encryption, settings of buckets: where a server knows them --------------------------------------


def moto_with(moto: str, bucket: str, **options: Any) -> S3ObjectStore:
    return S3ObjectStore(
        bucket=bucket, endpoint_url=moto, access_key="key", secret_key="secret", options=S3Options(**options)
    )


async def test_erasing_takes_every_version(store: ObjectStore, moto: str) -> None:
    await store.put_bytes("demo/twice", b"1", content_type="text/plain")
    await store.put_bytes("demo/twice", b"2", content_type="text/plain")
    await store.put_bytes("demo/twice-as-long", b"3", content_type="text/plain")
    await store.erase(store.uri("demo/twice"))
    await store.erase("demo/twice")
    with pytest.raises(NotFound):
        await store.head("demo/twice")
    assert await store.read("demo/twice-as-long", limit=9) == b"3"


@pytest.mark.parametrize("server", ["seaweedfs", "moto"])
async def test_where_a_bucket_keeps_versions_all_of_them_go(
    server: str, seaweed: RunningObjectStore, moto: str
) -> None:
    store = seaweed_store(seaweed) if server == "seaweedfs" else moto_with(moto, "versions")
    await store.ensure_bucket()
    client = store.client()
    bucket = store.buckets[0]
    found = look(client, bucket, store.options, abort_days=3, apply=True)
    assert {one.name: one.state for one in found if one.name == "versions"} == {"versions": State.SET}
    for body in (b"1", b"2"):
        await store.put_bytes("demo/versions", body, content_type="text/plain")
    await store.delete("demo/versions")  # a marker; both versions stay
    kept = client.list_object_versions(Bucket=bucket, Prefix="demo/versions")
    assert (len(kept["Versions"]), len(kept["DeleteMarkers"])) == (2, 1)
    await store.erase("demo/versions")
    left = client.list_object_versions(Bucket=bucket, Prefix="demo/versions")
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])
    if server == "seaweedfs":
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def seaweed_with(running: RunningObjectStore, bucket: str, **options: Any) -> S3ObjectStore:
    access = running.access
    return S3ObjectStore(
        bucket=bucket,
        endpoint_url=access.endpoint,
        access_key=access.access_key,
        secret_key=access.secret_key,
        region=access.region,
        options=S3Options(**options),
    )


@pytest.mark.parametrize("server", ["seaweedfs", "moto"])
@pytest.mark.parametrize(("mode", "erased"), [("GOVERNANCE", True), ("COMPLIANCE", False)])
async def test_the_stores_lock_holds_against_everybody_but_who_may_pass_it(
    server: str, seaweed: RunningObjectStore, moto: str, mode: str, erased: bool
) -> None:
    """moto is a fake and knows what is asked; SeaweedFS is a store that has to obey."""
    bucket = f"locks-{mode.lower()}"
    store = (
        seaweed_with(seaweed, bucket, lock_mode=mode)
        if server == "seaweedfs"
        else moto_with(moto, bucket, lock_mode=mode)
    )
    await store.ensure_bucket()
    states = {one.name: one.state for one in look(store.client(), bucket, store.options, abort_days=7, apply=False)}
    assert states["object lock"] is State.FITS
    await store.put_bytes("demo/locked", b"1", content_type="text/plain")
    until = datetime.now(UTC) + timedelta(days=2)
    await store.lock("demo/locked", retain_until=until, held=True)
    said = store.client().head_object(Bucket=store.buckets[0], Key="demo/locked")
    assert (said["ObjectLockMode"], said["ObjectLockLegalHoldStatus"]) == (mode, "ON")
    assert abs((said["ObjectLockRetainUntilDate"] - until).total_seconds()) < 2
    with pytest.raises(ClientError):  # whoever has a key and does not say that they may pass it
        store.client().delete_object(Bucket=bucket, Key="demo/locked", VersionId=said["VersionId"])
    assert await store.read("demo/locked", limit=1) == b"1"
    if erased:
        await store.erase("demo/locked")
        with pytest.raises(NotFound):
            await store.head("demo/locked")
        return
    with pytest.raises(StillLocked, match="until its lock runs out"):
        await store.erase("demo/locked")
    assert await store.read("demo/locked", limit=1) == b"1"


async def test_encryption_is_asked_for_with_each_object(moto: str, tmp_path: Path) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/0f3a2b1c-1111-4222-8333-444455556666"
    store = moto_with(moto, "sealed", encryption="aws:kms", kms_key=key)
    await store.ensure_bucket()
    for name, size in (("demo/small", 10), ("demo/large", MULTIPART_FROM_BYTES)):
        path, sha256 = a_file(tmp_path, size)
        await store.put(name, path, sha256=sha256, content_type="audio/webm")
        head = store.client().head_object(Bucket="sealed", Key=name)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


async def test_a_tenant_has_a_bucket_and_what_lies_elsewhere_is_still_found(moto: str) -> None:
    before = moto_with(moto, "shared")
    await before.ensure_bucket()
    await before.put_bytes("demo/old", b"old", content_type="text/plain")
    after = moto_with(moto, "shared", buckets={"demo": "demo-only"})
    await after.ensure_bucket()
    await after.put_bytes("demo/new", b"new", content_type="text/plain")
    assert after.uri("demo/new") == "s3://demo-only/demo/new"
    assert after.uri("other/new") == "s3://shared/other/new"
    assert await after.read(before.uri("demo/old"), limit=9) == b"old"
    with pytest.raises(NotFound):
        await before.head("demo/new")


async def test_settings_of_a_bucket_are_compared_and_set_and_others_rules_stay(moto: str) -> None:
    store = moto_with(moto, "settings", encryption="AES256")
    client = store.client()

    def states(apply: bool) -> dict[str, State]:
        found = look(client, "settings", store.options, abort_days=7, apply=apply)
        return {one.name: one.state for one in found}

    assert states(False) == {"bucket": State.DIFFERS}
    client.create_bucket(Bucket="settings")
    theirs: Any = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    client.put_bucket_lifecycle_configuration(Bucket="settings", LifecycleConfiguration={"Rules": [theirs]})
    assert states(False)["unfinished uploads"] is State.DIFFERS
    assert states(True)["unfinished uploads"] is State.SET
    assert set(states(False).values()) == {State.FITS}
    rules = client.get_bucket_lifecycle_configuration(Bucket="settings")["Rules"]
    assert [rule["ID"] for rule in rules] == ["theirs", "kakehashi-unfinished-uploads"]


@pytest.mark.parametrize("server", ["seaweedfs", "rclone"])
async def test_what_a_server_does_not_know_is_said_and_harms_nothing(
    server: str, seaweed: RunningObjectStore, rclone: str
) -> None:
    store = seaweed_store(seaweed) if server == "seaweedfs" else moto_store(rclone)
    await store.ensure_bucket()
    found = look(store.client(), store.buckets[0], store.options, abort_days=7, apply=True)
    assert {one.name for one in found} == {"versions", "unfinished uploads"}
    await store.put_bytes("demo/after", b"1", content_type="text/plain")
    await store.erase("demo/after")
    if server == "seaweedfs":
        store.client().put_bucket_versioning(Bucket=store.buckets[0], VersioningConfiguration={"Status": "Suspended"})


async def test_an_address_for_the_browser_is_good_for_a_while_and_for_this_object(store: ObjectStore) -> None:
    if isinstance(store, MemoryObjectStore):
        pytest.skip("has no addresses")
    await store.put_bytes("demo/address", b"0123456789", content_type="audio/webm")
    url = await store.presigned("demo/address", seconds=30)
    async with aiohttp.ClientSession() as http, http.get(url, headers={"Range": "bytes=2-4"}) as answer:
        assert answer.status in (206, 200)  # rclone sends the range and calls it the whole
        assert await answer.read() == b"234"
    assert "X-Amz-Expires=30" in url


async def test_an_object_without_our_mark_is_read_whole_before_it_is_played(store: ObjectStore) -> None:
    """Of the same length and put there by somebody else: without the look it would be played as the recording."""
    ledger, one = MemoryLedger(), stored()
    assert one.audio is not None
    audio = replace(one.audio, sha256=hashlib.sha256(b"right").hexdigest(), size=5, uri=store.uri(one.audio.key))
    await ledger.save(replace(one, audio=audio))
    replay = Replay(ledger=ledger, objects=store)
    for body, right in ((b"right", True), (b"wrong", False)):
        if isinstance(store, S3ObjectStore):
            store.client().put_object(Bucket=store.buckets[0], Key=audio.key, Body=body)
        else:
            store.objects[audio.key] = (body, "audio/webm", None)  # type: ignore[attr-defined]
        if right:
            playable = await replay.open(one.tenant, one.call_id)
            assert await all_of(replay.read(playable)) == [b"right"]
        else:
            with pytest.raises(ObjectChanged):
                await replay.open(one.tenant, one.call_id)
