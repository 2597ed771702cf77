"""Write a file whole or not at all; say why one cannot be read.

Room: everything minigrad writes goes through here. A file is written beside its target under a passing
name, brought to the disk, and put in place in one step, so that a reader (or a crash, a full disk, Ctrl-C)
meets the old file or the new one, never half of it. Where the system can (Linux), the file has no name at all until
it is complete, so that a process that is killed leaves nothing unfinished behind either; at most, between the two calls
that name it and put it in place, a whole file under the passing name (see `clear_remains`).
Must hold: nothing is left behind after an error, and the error is one line that names the path and says
what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from minigrad.text import shown

#: So many bytes a disk must take for a place to be good: a block.
TRIAL = 4096

#: Where Linux lists the open files of the process, by which one without a name can be given one.
_HANDLES = "/proc/self/fd"


class CannotReadError(OSError):
    """A file could not be read; the message says why and what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


class CannotWriteError(OSError):
    """A file could not be written; nothing was changed."""

    def __str__(self) -> str:
        return str(self.strerror)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write `text` as UTF-8, line ends as they are; returns the path. Errors as `writing`."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write `data`; returns the path. Errors as `writing`."""
    with writing(path) as stream:
        stream.write(data)
    return Path(path)


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file `path` when the block ends without an exception.

    A new file gets the permissions that open() would give, an old one keeps its own. A symbolic link stays
    and its target is replaced. What is neither file nor folder (/dev/stdout, a pipe) is written directly.

    Raises CannotWriteError (an OSError) when the folder is missing or not writable, `path` is a folder,
    the old file is write-protected, or the disk refuses.
    """
    given = target = passing = os.fspath(path)
    stream: BinaryIO
    try:
        mode = _present_mode(given)
        if mode is not None and not stat.S_ISREG(mode):
            with open(given, "wb") as stream:
                yield stream
            return
        target = os.path.realpath(given)
        passing = _passing(target)
        nameless = _opened_nameless(os.path.dirname(target))
        stream = nameless or _opened_anew(passing)
        try:
            with stream:
                yield stream
                stream.flush()
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(stream.fileno(), stat.S_IMODE(mode))
                os.fsync(stream.fileno())
                if nameless is not None:
                    _name(nameless, passing)
            os.replace(passing, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing)
            raise
        _sync_folder(os.path.dirname(target))
    except CannotWriteError:
        raise
    except OSError as error:
        if error.filename not in (None, given, target, passing):
            raise  # of another file, which the block was reading
        raise _explained(given, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise what `writing` would raise for this path, before the work whose result is to go there; leaves nothing.

    A file is tried with `TRIAL` bytes beside its place, a device (/dev/full) with none; a pipe is not tried, for its
    reader would take that for the end.
    """
    given = passing = os.fspath(path)
    try:
        mode = _present_mode(given)
        if mode is None or stat.S_ISREG(mode):
            target = os.path.realpath(given)
            if not os.path.basename(target) or len(os.path.basename(target).encode()) > 255:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            passing = _passing(target)
            stream = _opened_anew(passing)
            try:
                with stream:
                    stream.write(bytes(TRIAL))
            finally:
                os.unlink(passing)
        elif stat.S_ISCHR(mode):
            handle = os.open(given, os.O_WRONLY)
            try:
                os.write(handle, b"")
            finally:
                os.close(handle)
    except CannotWriteError:
        raise
    except OSError as error:
        raise _explained(given, error) from error


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raise what `make_folder` would raise for this path, before the work whose results go there; leaves nothing."""
    given = os.fspath(path)
    if os.path.isdir(given):
        return
    above = given
    while above and not os.path.lexists(above):
        above = os.path.dirname(above)
    above = above or os.curdir
    if (
        "\0" in given
        or not os.path.isdir(above)
        or any(len(part.encode()) > 255 for part in Path(given).parts)
    ):
        make_folder(given)  # it says why it cannot
        return
    try:
        check_writable(os.path.join(above, "folder"))
    except CannotWriteError as error:
        raise CannotWriteError(
            error.errno,
            f"cannot make the folder {shown(given, 200)!r}: {os.strerror(error.errno or 0)}; choose another place",
        ) from None


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, where they are missing. Raises CannotWriteError."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CannotWriteError(
            error.errno, f"cannot make the folder {str(path)!r}: a file is in its place; choose another name"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        number = getattr(error, "errno", None) or 0
        raise CannotWriteError(
            number, f"cannot make the folder {shown(str(path), 200)!r}: {reason}; choose another place"
        ) from None


def clear_remains(path: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed left beside this file under passing names; nobody may be writing it."""
    folder, stem = os.path.split(_passing(os.path.realpath(path)))
    passing = re.compile(re.escape(stem[: -len("0123456789abcdef.tmp")]) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):
        for name in filter(passing.fullmatch, os.listdir(folder)):
            os.unlink(os.path.join(folder, name))


def _passing(target: str) -> str:
    """A name beside a file for what is to take its place, no longer than names may be."""
    folder, name = os.path.split(target)
    stem = os.fsdecode(os.fsencode(name)[:200])
    return os.path.join(folder, f".{stem}.{secrets.token_hex(8)}.tmp")


def _present_mode(path: str) -> int | None:
    """Mode of what is at `path` now, None if nothing is; refuses what must not be replaced."""
    if not path or "\0" in path:
        raise _refused(path, errno.EINVAL, "this is not a file name; give one such as graph.svg")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if path.endswith(tuple(filter(None, (os.sep, os.altsep)))):
            raise _refused(path, errno.EISDIR, "a file name is missing at its end; add one") from None
        return None
    if stat.S_ISDIR(mode):
        raise _refused(path, errno.EISDIR, "it is a folder; add a file name")
    if not os.access(path, os.W_OK):
        raise _refused(
            path, errno.EACCES, "the file is write-protected; choose another name or change its permissions"
        )
    return mode


def _opened_anew(path: str) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.fdopen(os.open(path, flags, 0o666), "wb")


def _opened_nameless(folder: str) -> BinaryIO | None:
    """A file in the folder that has no name yet, and is gone if the process dies; None where there is no such thing.

    Why it cannot be opened is not asked here: a file with a name is tried next.
    """
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(_HANDLES):
        return None
    try:
        return os.fdopen(os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o666), "wb")
    except OSError:
        return None


def _name(stream: BinaryIO, path: str) -> None:
    """Give a nameless file its name; where the file system refuses, copy it to a file of that name."""
    handles = os.open(_HANDLES, os.O_RDONLY)
    try:
        os.link(str(stream.fileno()), path, src_dir_fd=handles, follow_symlinks=True)
    except OSError:
        with _opened_anew(path) as copy:
            length = os.fstat(stream.fileno()).st_size
            os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(stream.fileno()).st_mode))
            for begin in range(0, length, 1 << 20):
                copy.write(os.pread(stream.fileno(), 1 << 20, begin))
            copy.flush()
            os.fsync(copy.fileno())
    finally:
        os.close(handles)


def _sync_folder(folder: str) -> None:
    """Bring the new name to the disk too, where the system can; the file itself is complete by now."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refused(path: str, number: int, reason: str) -> CannotWriteError:
    return CannotWriteError(number, f"cannot write {path!r}: {reason}")


def _explained(path: str, error: OSError) -> CannotWriteError:
    folder = os.path.dirname(path) or os.curdir
    number = error.errno or 0
    if isinstance(error, FileNotFoundError) and not os.path.isdir(folder):
        return _refused(path, number, f"the folder {folder!r} does not exist; create it first")
    if isinstance(error, NotADirectoryError):
        return _refused(path, number, f"{folder!r} is not a folder; choose another path")
    if isinstance(error, PermissionError) or number == errno.EROFS:
        return _refused(
            path, number, f"the folder {folder!r} is not writable; choose another or change its permissions"
        )
    if number == errno.ENOSPC:
        return _refused(path, number, "the disk is full; free some space")
    if number == errno.ENAMETOOLONG:
        return _refused(
            f"{path[:60]}…" if len(path) > 60 else path, number, "the name is too long; shorten it"
        )
    return _refused(path, number, f"{error.strerror or error}; choose another path")


# -- reading ----------------------------------------------------------------------------------------------


def readable(path: str | os.PathLike[str]) -> str:
    """`path` as a text, if a file that can be read is there.

    Raises CannotReadError (an OSError) when nothing is there (a near name in the same folder is given), it is
    a folder or a pipe, or may not be read.
    """
    given = os.fspath(path)
    try:
        mode = os.stat(given).st_mode
        if stat.S_ISDIR(mode):
            raise _unreadable(given, errno.EISDIR, "it is a folder; add a file name")
        if not stat.S_ISREG(mode):
            raise _unreadable(
                given, errno.EINVAL, "it is no file but a pipe or device; save it to a file first"
            )
        with open(given, "rb"):
            return given
    except CannotReadError:
        raise
    except ValueError:
        raise _unreadable(given, errno.EINVAL, "this is not a file name") from None
    except OSError as error:
        raise _unreadable(given, error.errno or 0, _reason(given, error)) from error


def _unreadable(path: str, number: int, reason: str) -> CannotReadError:
    return CannotReadError(number, f"cannot read {shown(repr(path))}: {reason}")


def _reason(path: str, error: OSError) -> str:
    folder, name = os.path.split(path)
    if isinstance(error, PermissionError):
        return "you may not read it; change its permissions"
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"{error.strerror or error}"
    if not os.path.isdir(folder or os.curdir):
        return f"the folder {folder!r} does not exist"
    import difflib

    names = {other.casefold(): other for other in os.listdir(folder or os.curdir)}
    near = difflib.get_close_matches(name.casefold(), list(names), 1)
    hint = f"; did you mean {os.path.join(folder, names[near[0]])!r}?" if near else ""
    return f"there is no such file{hint}"
