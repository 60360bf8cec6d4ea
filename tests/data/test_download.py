"""Downloads: the right file, or no file."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from featherweight.data.download import download
from featherweight.errors import DataError

CONTENT = bytes(range(256)) * 3000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(CONTENT)
    (folder / "other").write_bytes(CONTENT[:-1] + b"x")
    (folder / "endless").write_bytes(CONTENT * 4)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "folder" / "file"


def get(addresses: list[str], target: Path) -> None:
    download(addresses, target, sha256=SHA256, size=len(CONTENT))


def test_over_http(address, target):
    get([f"{address}/file"], target)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_from_a_file_address(address, target, tmp_path):
    get([(tmp_path / "served" / "file").as_uri()], target)
    assert target.read_bytes() == CONTENT


def test_the_next_address_is_tried(address, target):
    get([f"{address}/missing", f"{address}/other", f"{address}/file"], target)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("other", "wrong checksum"), ("endless", "wrong checksum"), ("missing", "404")],
)
def test_nothing_is_left_of_a_wrong_file(address, target, name, reason):
    with pytest.raises(DataError, match=rf"file could not be downloaded. .*/{name}: .*{reason}"):
        get([f"{address}/{name}"], target)
    assert list(target.parent.iterdir()) == []


def test_a_file_that_was_there_survives_a_failure(address, target):
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    with pytest.raises(DataError):
        get([f"{address}/other"], target)
    assert target.read_bytes() == b"old"


def test_no_network(target):
    with pytest.raises(DataError, match="could not be downloaded"):
        get(["http://127.0.0.1:1/file"], target)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be made"):
        get(["http://127.0.0.1:1/file"], tmp_path / "file" / "inside" / "file")
