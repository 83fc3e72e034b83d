"""The source of files: paths, packing, digests, cursors, and errors that say what to do."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from files_samples import (
    PAGE_V2,
    POST_IDS,
    RECEIVED,
    SAMPLES,
    SKEET,
    TOOT,
    TWEET_V1,
    commit,
    lines,
    read,
    read_bytes,
)

from entregent.errors import Cancelled, InputError, UnknownFormat
from entregent.progress import Quiet
from entregent.sources.files import FORMATS, Files, Options, values

DATA = lines(TWEET_V1, {**TWEET_V1, "id_str": "8", "id": 8})


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstd}


class TestPacking:
    @pytest.mark.parametrize("kind", PACKERS)
    def test_told_by_content_and_over_several_members(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "posts.txt"
        packed = PACKERS[kind](DATA[:100]) + PACKERS[kind](DATA[100:])
        path.write_bytes(packed)
        found = read(path)
        assert len(found.posts) == 2
        assert found.notices == ()
        (file,) = found.files
        assert (file.sha256, file.bytes) == (hashlib.sha256(packed).hexdigest(), len(packed))
        assert (file.rows, file.format, file.name) == (2, "twitter-v1", str(path))

    @pytest.mark.parametrize("kind", PACKERS)
    def test_cut_off(self, kind: str) -> None:
        many = lines(
            *(
                {**TWEET_V1, "id_str": str(n), "text": hashlib.sha256(b"%d" % n).hexdigest()}
                for n in range(3000)
            )
        )
        packed = PACKERS[kind](many)
        if kind == "bzip2":
            packed = bz2.compress(many[: len(many) // 2]) + bz2.compress(many[len(many) // 2 :])
        found = read_bytes(packed[: len(packed) * 3 // 4])
        assert 100 < len(found.posts) < 3000
        assert found.codes["file.damaged"] == 1
        assert found.files[0].bytes == len(packed) * 3 // 4

    def test_rubbish_after_the_end(self) -> None:
        assert read_bytes(gzip.compress(DATA) + bytes(512)).notices == ()
        found = read_bytes(gzip.compress(DATA) + b"rubbish")
        assert len(found.posts) == 2
        assert found.codes == {"file.damaged": 1}

    def test_packed_twice_and_too_often(self) -> None:
        assert len(read_bytes(gzip.compress(zstd(DATA))).posts) == 2
        data = DATA
        for _ in range(5):
            data = gzip.compress(data)
        with pytest.raises(UnknownFormat, match="times over"):
            read_bytes(data)

    def test_a_bomb_does_not_fill_the_memory(self) -> None:
        bomb = gzip.compress(lines(TWEET_V1) + b" " * (100 << 20))
        found = read_bytes(bomb)
        assert len(found.posts) == 1
        assert set(found.codes) <= {"file.value_too_long"}


class TestPaths:
    def test_folder_is_read_through_in_order_and_junk_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        (tmp_path / ".hidden").mkdir()
        (tmp_path / "b" / "2.jsonl").write_bytes(lines(SKEET))
        (tmp_path / "a.json").write_bytes(DATA)
        (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        (tmp_path / "notes.txt").write_text("Bonjour, ceci est une note.\n")
        (tmp_path / ".hidden" / "x.jsonl").write_bytes(DATA)
        (tmp_path / ".secret.jsonl").write_bytes(DATA)
        (tmp_path / "loop").symlink_to(tmp_path)
        (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
        (tmp_path / "empty.jsonl").touch()
        found = read(tmp_path)
        assert [Path(file.name).name for file in found.files] == ["a.json", "empty.jsonl", "2.jsonl"]
        assert {post["network"] for post in found.posts} == {"x", "bluesky"}
        assert found.codes == {"file.passed_over": 2, "file.empty": 1}

    def test_pattern_and_several_formats_in_one_run(self, tmp_path: Path) -> None:
        for name, value in SAMPLES.items():
            (tmp_path / f"{name}.json").write_bytes(lines(value))
        found = read(str(tmp_path / "*.json"))
        assert {post["id"] for post in found.posts} == set(POST_IDS.values())
        assert {file.format for file in found.files} == set(SAMPLES)

    def test_a_copy_is_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(DATA)
        (tmp_path / "b.json").write_bytes(DATA)
        found = read([tmp_path / "a.json", tmp_path / "a.json", tmp_path / "b.json"])
        assert [file.name for file in found.files] == [str(tmp_path / "a.json")]
        assert found.notice("file.copy").where == (str(tmp_path / "b.json"),)
        assert found.rows == 2

    def test_missing_file_suggests_its_neighbour(self, tmp_path: Path) -> None:
        (tmp_path / "posts.jsonl").write_bytes(DATA)
        with pytest.raises(InputError, match=r"no such file.*posts\.jsonl") as caught:
            read(tmp_path / "post.jsonl")
        assert "post.jsonl" in str(caught.value.where)

    @pytest.mark.parametrize("path", ["nowhere/*.jsonl", "nowhere/x.json", "a\0b", "", "x" * 5000])
    def test_paths_that_lead_nowhere(
        self, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError):
            read(path)

    def test_unreadable_file(self, tmp_path: Path) -> None:
        path = tmp_path / "posts.jsonl"
        path.write_bytes(DATA)
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("the superuser may read everything")
        with pytest.raises(InputError, match="cannot be read"):
            read(path)

    def test_error_of_the_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "posts.jsonl"
        path.write_bytes(DATA)

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refused)
        with pytest.raises(InputError, match=r"posts\.jsonl: The file cannot be read: Permission denied"):
            read(path)

    def test_a_named_stranger_is_an_error_before_anything_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(DATA)
        (tmp_path / "package.json").write_text('{"name": "left-pad"}')
        batches = Files(
            [str(tmp_path / "a.json"), str(tmp_path / "package.json")], options=Options(received_at=RECEIVED)
        ).batches(None, Quiet())
        with pytest.raises(UnknownFormat, match=r"package\.json:1"):
            next(batches)

    def test_no_path_empty_folder_and_folder_of_strangers(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No file was given"):
            read([])
        with pytest.raises(InputError, match="holds no files"):
            read(tmp_path)
        (tmp_path / "notes.txt").write_text("Bonjour, ceci est une note.\n")
        with pytest.raises(UnknownFormat):
            read(tmp_path)

    def test_standard_input_is_a_pipe_that_gives_little_by_little(self) -> None:
        code = (
            "import sys\n"
            f"data = {DATA!r}\n"
            "for at in range(0, len(data), 300):\n"
            "    sys.stdout.buffer.write(data[at:at + 300])\n"
            "    sys.stdout.flush()\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            files = Files(["-"], options=Options(received_at=RECEIVED), stdin=process.stdout)
            rows = sum(batch.rows for batch in files.batches(None, Quiet()))
        assert rows == 2


class TestResuming:
    def test_goes_on_with_the_next_file(self, tmp_path: Path) -> None:
        (tmp_path / "1.json").write_bytes(lines(TWEET_V1))
        (tmp_path / "2.json").write_bytes(lines(SKEET))
        (tmp_path / "3.json").write_bytes(lines(TOOT))
        paths = [tmp_path / f"{n}.json" for n in (1, 2, 3)]
        whole = read(paths)
        cursors = [batch.cursor for batch in whole.batches if batch.cursor]
        assert len(cursors) == 3
        rest = read(paths, cursor=cursors[0])
        assert [Path(file.name).name for file in rest.files] == ["2.json", "3.json"]
        assert read(paths, cursor=cursors[2]).rows == 0

    def test_a_file_that_changed_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "1.json"
        path.write_bytes(lines(TWEET_V1))
        cursor = read(path).batches[-1].cursor
        path.write_bytes(DATA)
        assert read(path, cursor=cursor).rows == 2

    @pytest.mark.parametrize("cursor", ["", "{}", "[]", "null", '{"done": 5}', "x" * 200])
    def test_a_cursor_of_something_else(self, tmp_path: Path, cursor: str) -> None:
        path = tmp_path / "1.json"
        path.write_bytes(DATA)
        with pytest.raises(InputError, match="no cursor"):
            read(path, cursor=cursor)


class Watching(Quiet):
    def __init__(self, stop_after: int | None = None) -> None:
        self.total: int | None = None
        self.done = 0
        self.notes: list[str] = []
        self.stop_after = stop_after

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.total = total

    def advance(self, amount: int, note: str = "") -> None:
        self.done += amount
        self.notes.append(note)

    def cancelled(self) -> bool:
        return self.stop_after is not None and len(self.notes) >= self.stop_after


def test_progress_reaches_the_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(gzip.compress(DATA))
    (tmp_path / "2.json").write_bytes(lines(SKEET))
    progress = Watching()
    for _ in Files([str(tmp_path)], options=Options(received_at=RECEIVED)).batches(None, progress):
        pass
    assert progress.done == progress.total == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert progress.notes[-1] == "3 rows"


def test_cancelled(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(DATA)
    files = Files([str(tmp_path)], options=Options(received_at=RECEIVED))
    with pytest.raises(Cancelled):
        list(files.batches(None, Watching(stop_after=0)))


def test_a_forced_format_is_used(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    path.write_bytes(lines(PAGE_V2))
    assert read(path, format="x-v2").files[0].format == "x-v2"
    assert set(FORMATS) == {
        *SAMPLES,
        "feed",
        "csv",
        "parquet",
    }


def test_large_files_come_in_batches_and_the_first_cursor_is_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = json.dumps(commit("app.bsky.graph.block", {"subject": "x" * 2000}))
    data = (events + "\n").encode() * 2_000
    monkeypatch.setattr(values, "BLOCK", 1 << 20)
    monkeypatch.setattr(values, "FIRST_BLOCK", 1 << 20)
    found = read_bytes(data)
    assert len(found.batches) > 2
    assert found.rows == 2_000
    assert [batch.cursor is not None for batch in found.batches].count(True) == 1
    assert found.batches[-1].finished
