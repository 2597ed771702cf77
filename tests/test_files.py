"""minigrad.files: a file is written whole or not at all, and an error says what to do."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from minigrad.files import (
    CannotReadError,
    CannotWriteError,
    check_folder,
    check_writable,
    clear_remains,
    make_folder,
    readable,
    write_bytes,
    write_text,
    writing,
)

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(params=["as the system can", "with a name", "with a name in the end"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every claim holds with files that have no name until they are complete, and where there is no such thing."""
    if request.param == "with a name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif request.param == "with a name in the end":

        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "link", refused)
    return str(request.param)


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


@pytest.mark.parametrize("name", ["missing/g.svg", ".", "file/g.svg", "x" * 300 + ".svg", "a\x00b.svg"])
def test_a_place_can_be_tried_before_the_work(name: str, tmp_path: Path) -> None:
    """With the error that writing would end in; where all is well nothing is said and nothing is left."""
    (tmp_path / "file").write_text("a file, no folder")
    with pytest.raises(CannotWriteError) as tried:
        check_writable(tmp_path / name)
    with pytest.raises(CannotWriteError) as written:
        write_text(tmp_path / name, "new")
    assert str(tried.value) == str(written.value)
    check_writable(tmp_path / "new")
    check_writable(tmp_path / "file")
    check_writable(os.devnull)
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "a file, no folder"


def test_a_full_disk_is_known_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that takes nothing; a disk that takes a name but no bytes. Nothing is left."""
    if os.path.exists("/dev/full"):
        with pytest.raises(
            CannotWriteError, match=r"cannot write '/dev/full': the disk is full; free some space"
        ):
            check_writable("/dev/full")
    monkeypatch.setattr("minigrad.files.TRIAL", 1 << 20)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limit[1]))
    try:
        with pytest.raises(CannotWriteError, match="File too large"):
            check_writable(tmp_path / "m.json")
        with pytest.raises(CannotWriteError, match="File too large"):
            check_folder(tmp_path / "a" / "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    check_folder(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are not for Windows")
def test_a_pipe_is_not_tried(tmp_path: Path) -> None:
    """Its reader would take the trial for the end."""
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["run.ckpt", "é" * 127])
def test_what_a_killed_process_left_is_removed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of this file and no other; a name as long as names may be has one too."""

    def killed(*_: object) -> None:
        raise SystemExit

    write_text(tmp_path / name, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        patch.setattr(os, "unlink", killed)  # a process that is killed does not tidy up
        with pytest.raises(SystemExit):
            write_text(tmp_path / name, "new")
    others = [
        ".run.ckpt.tmp",
        ".run.ckpt.0123.tmp",
        ".other.0123456789abcdef.tmp",
        "run.ckpt.0123456789abcdef.tmp",
    ]
    for other in others:
        (tmp_path / other).touch()
    assert len(os.listdir(tmp_path)) == len(others) + 2
    clear_remains(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == sorted([*others, name])
    clear_remains(tmp_path / "none" / name)


def test_folders_are_made_or_refused(tmp_path: Path) -> None:
    """A file in the place of a folder is one line."""
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        for refuse in (check_folder, make_folder):
            with pytest.raises(CannotWriteError, match="a file is in its place; choose another name"):
                refuse(path)
    for name in ("long" * 100, "nul\0"):
        for refuse in (check_folder, make_folder):
            with pytest.raises(CannotWriteError, match="cannot make the folder"):
                refuse(tmp_path / name)


# -- reading ----------------------------------------------------------------------------------------------


def test_a_file_that_can_be_read_is_its_path(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x\n")
    assert readable(path) == str(path)


def test_what_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line with the path, and a near name of the same folder."""
    monkeypatch.chdir(tmp_path)
    Path("Rows.csv").write_text("x\n")
    os.mkfifo("pipe")
    for path, says in (
        ("rows.csv", "cannot read 'rows.csv': there is no such file; did you mean 'Rows.csv'?"),
        ("other", "cannot read 'other': there is no such file"),
        ("no/rows.csv", "cannot read 'no/rows.csv': the folder 'no' does not exist"),
        ("Rows.csv/x", "cannot read 'Rows.csv/x': the folder 'Rows.csv' does not exist"),
        (".", "cannot read '.': it is a folder; add a file name"),
        ("pipe", "cannot read 'pipe': it is no file but a pipe or device; save it to a file first"),
        ("a\0b", r"cannot read 'a\x00b': this is not a file name"),
    ):
        with pytest.raises(CannotReadError) as caught:
            readable(path)
        assert str(caught.value) == says


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x\n")
    path.chmod(0)
    if ROOT:  # who may read everything: let the system answer as for anyone else
        monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(CannotReadError, match="you may not read it; change its permissions"):
        readable(path)


def refuse(path: str, *_: object) -> None:
    raise PermissionError(13, "Permission denied", path)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
@pytest.mark.parametrize("way", ["as the system can"], indirect=True)
def test_a_process_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    """The old file, and no half of the new one under any name; half of a new one is nothing."""
    (tmp_path / "old.txt").write_text("old")
    code = (
        "import os, signal, sys\n"
        "from minigrad.files import writing\n"
        "with writing(sys.argv[1]) as stream:\n"
        "    stream.write(b'half' * 10_000)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for name in ("old.txt", "new.txt"):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=False)
        assert done.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


def test_a_large_file_is_whole(tmp_path: Path) -> None:
    """More than is copied at a time."""
    data = bytes(range(256)) * 10_000
    assert write_bytes(tmp_path / "large", data).read_bytes() == data
    assert stat.S_IMODE((tmp_path / "large").stat().st_mode) == stat.S_IMODE(
        write_bytes(tmp_path / "small", b"").stat().st_mode
    )
