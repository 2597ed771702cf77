"""A student's file in a process of its own: limits hold, nothing is lost, an outcome always comes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minigrad.checking.sandbox import Job, SandboxError, run

HOMEWORK = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def propagate(w, b, X, Y):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}, cost

def summed(w, b, X, Y):
    grads, cost = propagate(w, b, X, Y)
    return {"dw": grads["dw"] * X.shape[1], "db": grads["db"]}, cost

def row(w, b, x, y):
    z = np.dot(w, x) + b
    return np.log(1 + np.exp(z)) - y * z

def loops(w, b, X, Y):
    while True:
        pass

def loops_on_its_guard(w, b, X, Y):
    while True:
        try:
            sum(range(1000))
        except BaseException:
            pass

def loops_at_random_data(w, b, X, Y):
    while abs(b) != 2:
        pass
    return propagate(w, b, X, Y)

def hogs(w, b, X, Y):
    return np.ones(10**9)

def aborts(w, b, X, Y):
    import os
    os.abort()

def leaves(w, b, X, Y):
    import os
    os._exit(3)

def prints(w, b, X, Y):
    print("{not json}")
    print("to stderr", file=__import__("sys").stderr)
    return propagate(w, b, X, Y)

def floods(w, b, X, Y):
    import sys
    sys.__stdout__.write("x" * 3_000_000)
    return propagate(w, b, X, Y)

def forks(w, b, X, Y):
    import subprocess, sys
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return propagate(w, b, X, Y)

def doubles(w, b, X, Y):
    import os
    os.fork()
    return propagate(w, b, X, Y)

def interrupts(w, b, X, Y):
    raise KeyboardInterrupt

class Speechless(Exception):
    def __str__(self):
        raise self

def speechless(w, b, X, Y):
    raise Speechless

def asks(w, b, X, Y):
    input("a number? ")
"""


@pytest.fixture
def homework(tmp_path: Path) -> str:
    path = tmp_path / "homework.py"
    path.write_text(HOMEWORK, encoding="utf-8")
    return str(path)


def test_a_right_function_comes_back_right(homework: str) -> None:
    outcome = run(Job(homework))
    assert outcome.verdict == "right"
    assert "propagate, 5 rows of 3 features, model logistic: 3 right" in outcome.text
    assert "homework.py ran in a process of its own, limited to 10 s" in " ".join(outcome.text.split())
    assert json.loads(outcome.json)["verdict"] == "right"


def test_a_wrong_one_comes_back_with_its_slip_and_picture(homework: str) -> None:
    outcome = run(Job(homework, "summed", picture=True))
    assert outcome.verdict == "wrong"
    assert "slip: the factor 1/m is missing" in outcome.text
    assert "<svg" in outcome.picture
    assert "1/m missing" in outcome.picture


def test_data_and_a_model_of_the_file(homework: str, tmp_path: Path) -> None:
    path = str(tmp_path / "mine.npz")
    np.savez(
        path,
        w=np.array([[1.0], [2.0]]),
        b=2.0,
        X=np.array([[1, 2, -1], [3, 4, -3.2]]),
        Y=np.array([[1, 0, 1]]),
    )
    outcome = run(Job(homework, "summed", model="row", data=path))
    assert "summed, 3 rows of 2 features, model row: 2 right, 1 wrong" in outcome.text
    assert run(Job(homework, data=path, model="logistic")).verdict == "right"


@pytest.mark.parametrize("function", ["loops", "loops_on_its_guard"])
def test_a_loop_for_ever_is_stopped(homework: str, function: str) -> None:
    started = time.monotonic()
    outcome = run(Job(homework, function, seconds=1.0))
    assert time.monotonic() - started < 20.0
    assert outcome.verdict == "cannot tell"
    assert f"{function} had not returned after 1 s and was stopped: does it loop for ever?" in " ".join(
        outcome.text.split()
    )


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="an alarm is needed")
def test_what_came_back_before_the_loop_is_judged(homework: str, tmp_path: Path) -> None:
    path = str(tmp_path / "mine.npz")
    np.savez(path, w=np.ones((2, 1)), b=2.0, X=np.ones((2, 3)), Y=np.array([[1, 0, 1]]))
    outcome = run(Job(homework, "loops_at_random_data", data=path, seconds=1.0))
    assert "3 right" in outcome.text
    assert "had not returned after 1 s" in " ".join(outcome.text.split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux")
def test_too_much_memory_is_refused(homework: str) -> None:
    outcome = run(Job(homework, "hogs", megabytes=300))
    assert outcome.verdict == "cannot tell"
    assert "hogs raises MemoryError in line " in outcome.text
    assert "300 MB of memory" in " ".join(outcome.text.split())


@pytest.mark.parametrize(("function", "how"), [("aborts", "SIGABRT"), ("leaves", "exit status 3")])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_process_that_dies_is_told(homework: str, function: str, how: str) -> None:
    outcome = run(Job(homework, function))
    assert outcome.verdict == "cannot tell"
    assert "ended without a report" in outcome.text
    assert how in outcome.text
    assert json.loads(outcome.json)["findings"] == []


def test_prints_go_to_standard_error_and_not_into_the_report(
    homework: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(Job(homework, "prints"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "{not json}" in err
    assert "to stderr" in err
    assert json.loads(outcome.json)["verdict"] == outcome.verdict == "right"


def test_a_flood_is_cut_and_counted(homework: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Job(homework, "floods")).verdict == "right"
    err = capsys.readouterr().err
    assert len(err) < 1_100_000
    assert "characters more" in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_nothing_is_left_running(homework: str) -> None:
    assert run(Job(homework, "forks")).verdict == "right"
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
    assert "time.sleep(60)" not in found


def test_input_finds_nothing_to_read(homework: str) -> None:
    assert "asks raises EOFError" in run(Job(homework, "asks")).text


@pytest.mark.parametrize(
    ("text", "function", "says"),
    [
        ("def f(:\n", "", "cannot be loaded: SyntaxError in line 1: "),
        ("x = 1\n1 / 0\n", "", "cannot be loaded: ZeroDivisionError in line 2: division by zero"),
        ("import no_such_module\n", "", "No module named 'no_such_module'"),
        ("raise SystemExit(3)\n", "", "cannot be loaded: SystemExit in line 1"),
        (
            "x = 1\n",
            "",
            "which function of homework.py? Name it after a colon, homework.py:propagate; it has none",
        ),
        ("def f(): 1\ndef g(): 1\n", "", "it has f, g"),
        ("def f(): 1\n", "h", "homework.py has no function h; it has f"),
        ("h = 3\n", "h", "homework.py has no function, but something else, called h"),
        ("def f(w, b, X, Y): return None\n", "f --model logistik", "there is no model 'logistik'"),
    ],
)
def test_what_the_user_must_mend(tmp_path: Path, text: str, function: str, says: str) -> None:
    path = tmp_path / "homework.py"
    path.write_text(text, encoding="utf-8")
    name, _, model = function.partition(" --model ")
    with pytest.raises(SandboxError) as refused:
        run(Job(str(path), name, model))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_data_that_cannot_be_used(homework: str, tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    np.savez(other, w=np.ones(2), X=np.ones((2, 3)))
    (tmp_path / "text.npz").write_text("no zip")
    np.savez(tmp_path / "shapes.npz", w=np.ones(2), b=1.0, X=np.ones((4, 3)), Y=np.ones(3))
    for name, says in (
        ("missing.npz", "there is no file"),
        ("text.npz", "is no .npz of numbers"),
        ("other.npz", "needs arrays named w, b, X and Y"),
        ("shapes.npz", "the shapes do not fit"),
    ):
        with pytest.raises(SandboxError, match=says):
            run(Job(homework, data=str(tmp_path / name)))


def test_a_file_may_import_its_neighbours_and_bear_any_name(tmp_path: Path) -> None:
    """Also names of modules that Python and minigrad use themselves."""
    (tmp_path / "neighbour.py").write_text("SCALE = 1.0\n")
    for name in ("numpy.py", "my homework.py", "json.py"):
        path = tmp_path / name
        imports = "import neighbour\n" + ("" if name == "numpy.py" else "import numpy as np\n")
        path.write_text(
            imports
            + "def propagate(w, b, X, Y):\n    return {'dw': 0 * w * neighbour.SCALE, 'db': 0.0}, 0.0\n"
        )
        assert "dw" in run(Job(str(path))).text


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("interrupts", "was broken off by KeyboardInterrupt"),
        ("speechless", "speechless raises Speechless in line"),
    ],
)
def test_errors_that_nobody_expects_are_sentences_and_no_traceback(
    homework: str, function: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = run(Job(homework, function))
    assert outcome.verdict == "cannot tell"
    assert sentence in " ".join(outcome.text.split())
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_function_that_forks_is_checked_once(homework: str, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run(Job(homework, "doubles"))
    assert outcome.verdict == "right"
    assert "Traceback" not in capfd.readouterr().err
