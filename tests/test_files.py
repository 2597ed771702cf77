"""minigrad.files: a file is written whole or not at all, and an error says what to do."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from minigrad.files import CannotWriteError, write_bytes, write_text, writing

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    """UTF-8, and line ends untouched; the path comes back."""
    path = tmp_path / "g.svg"
    assert write_text(path, "σ\r\nb\n") == path
    assert path.read_bytes() == "σ\r\nb\n".encode()
    assert write_bytes(str(path), b"\x00\xff") == path
    assert path.read_bytes() == b"\x00\xff"
    assert os.listdir(tmp_path) == ["g.svg"]


def stopped_halfway(path: Path, stop: type[BaseException]) -> None:
    """Write half of a file."""

    def write() -> None:
        with writing(path) as stream:
            stream.write(b"half")
            raise stop

    with pytest.raises(stop):
        write()


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """Also when half was written."""
    path = tmp_path / "g.svg"
    path.write_text("old")
    stopped_halfway(path, KeyboardInterrupt)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["g.svg"]
    stopped_halfway(tmp_path / "new", ZeroDivisionError)
    assert os.listdir(tmp_path) == ["g.svg"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk refuses when the bytes are brought to it."""
    path = tmp_path / "g.svg"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWriteError, match=r"g\.svg"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["g.svg"]


@pytest.mark.parametrize("name", ["missing/g.svg", ".", "file/g.svg", "x" * 300 + ".svg", "a\x00b.svg"])
def test_a_place_that_cannot_be_written_is_named(name: str, tmp_path: Path) -> None:
    """In one line, as an OSError, and nothing appears."""
    (tmp_path / "file").write_text("a file, no folder")
    with pytest.raises(CannotWriteError) as caught:
        write_text(tmp_path / name, "new")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "[Errno" not in message
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_permissions(mode: int, tmp_path: Path) -> None:
    """An old file keeps its own; a new one gets what open() gives."""
    path = tmp_path / "old"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    (tmp_path / "by_open").write_text("")
    write_text(tmp_path / "by_us", "")
    assert (tmp_path / "by_us").stat().st_mode == (tmp_path / "by_open").stat().st_mode


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    """Even one that leads nowhere yet."""
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    (tmp_path / "ahead").symlink_to("later")
    write_text(tmp_path / "ahead", "new")
    assert (tmp_path / "later").read_text() == "new"


def test_a_write_protected_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacing it would be possible where the folder allows it, but it is not what the owner wants."""
    path = tmp_path / "g.svg"
    path.write_text("old")
    path.chmod(0o444)
    if ROOT:  # who may write everything: let the question be answered as for anyone else
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(CannotWriteError):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_a_device_is_written_directly() -> None:
    """/dev/null stays a device."""
    write_text(os.devnull, "gone")
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)
