"""The command does what its help says; a mistake is two lines and exit status 2."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad import Graph, cli


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def minigrad_(*arguments: str) -> int:
    """Run the command here; its exit status."""
    try:
        return cli.main(arguments)
    except SystemExit as end:  # argparse's way out
        return int(end.code or 0)


def process(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Run the command as a process of its own."""
    command = [sys.executable, "-m", "minigrad", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, env={**os.environ, **environment})


# -- demo -------------------------------------------------------------------------------------------------


def test_demo_goes_through(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, nothing on standard error, no colours outside a terminal, files in the folder of the help."""
    assert minigrad_("demo", "--epochs", "2") == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    assert "\x1b" not in text
    assert sorted(os.listdir("minigrad-demo")) == ["logistic.dot", "logistic.svg", "loss.png"]


def test_demo_takes_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("demo", "--out", "a/b", "--alpha", "0.25", "--epochs", "3", "--seed", "7") == 0
    text = capsys.readouterr().out
    assert sorted(os.listdir("a/b")) == ["logistic.dot", "logistic.svg", "loss.png"]
    assert "α = 0.25" in text
    assert "drawn with seed 7" in text
    assert re.search(r"^ +3 +0\.\d{6}", text, re.MULTILINE)


def test_demo_says_1_if_a_number_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad import demo

    monkeypatch.setattr(demo, "run", lambda *_, **__: False)
    assert minigrad_("demo") == 1


def test_demo_says_why_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """A learning rate beyond reason."""
    assert minigrad_("demo", "--alpha", "1e308") == 2
    assert "gradient descent stopped at epoch 1" in capsys.readouterr().err


# -- draw -------------------------------------------------------------------------------------------------

LECTURE = "z = w1*x1 + w2*x2 + b; a = sigmoid(z); L = bce(a, y)"
AT = ("--at", "w1=0.5", "w2=-0.25", "b=0.1", "x1=2", "x2=-1", "y=1")


@pytest.mark.parametrize("name", ["g.svg", "g.dot"])
def test_draw_writes_the_file_and_says_where(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Values and gradients among it: dZ = a - y = -0.20587."""
    assert minigrad_("draw", LECTURE, *AT, "-o", name) == 0
    assert capsys.readouterr().out == f"{name}: 12 nodes, L = 0.23050857136387537\n"
    text = Path(name).read_text(encoding="utf-8").replace("−", "-")
    for words in ("w1", "x2", "1.35", "0.794", "-0.2058"):
        assert words in text


def test_draw_without_a_name_writes_graph_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("draw", "2*x", "--at", "x=3") == 0
    assert capsys.readouterr().out == "graph.svg: 3 nodes, result = 6.0\n"
    assert "<svg" in Path("graph.svg").read_text(encoding="utf-8")


def test_draw_prints_dot(capsys: pytest.CaptureFixture[str]) -> None:
    """-o - gives what a .dot file would hold, and nothing else."""
    assert minigrad_("draw", LECTURE, *AT, "-o", "-") == 0
    text = capsys.readouterr().out
    minigrad_("draw", LECTURE, *AT, "-o", "g.dot")
    assert Path("g.dot").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("option", [("--direction", "TB"), ("--theme", "dark"), ("--no-gradients",)])
def test_options_of_draw_change_the_picture(option: Sequence[str]) -> None:
    minigrad_("draw", LECTURE, *AT, "-o", "plain.svg")
    assert minigrad_("draw", LECTURE, *AT, *option, "-o", "other.svg") == 0
    assert Path("plain.svg").read_bytes() != Path("other.svg").read_bytes()


def test_numbers_are_given_as_one_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Fractions, pi, powers; several --at add up; spaces around the sign are no matter."""
    given = ("--at", "a=1/4", "b=-pi", "c = 1e-3", "--at", "d=-2**0.5", "f=+3", "g=.5")
    assert minigrad_("draw", "sum(a, b, c, d, f, g)", *given, "-o", "g.dot") == 0
    (number,) = re.findall(r"result = (\S+)", capsys.readouterr().out)
    assert float(number) == pytest.approx(0.25 - 3.141592653589793 + 0.001 - 2**0.5 + 3 + 0.5, rel=1e-14)


def test_a_nan_is_traced(capsys: pytest.CaptureFixture[str]) -> None:
    """It is drawn all the same, and its origin named."""
    assert minigrad_("draw", "log(x) + 1", "--at", "x=-0.25") == 0
    text = capsys.readouterr().out
    assert "result = nan" in text
    assert "x = -0.25" in text
    assert "needs x > 0" in text
    assert minigrad_("draw", "x + 1", "--at", "x=nan") == 0


def test_a_formula_may_begin_with_a_minus() -> None:
    assert minigrad_("draw", "--at", "x=2", "-o", "g.dot", "--", "-x**2") == 0


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_without_graphviz_png_and_pdf_are_refused(
    ending: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words that say what to do, and nothing is written."""
    monkeypatch.setenv("PATH", os.getcwd())
    assert minigrad_("draw", "2*x", "--at", "x=3", "-o", f"g.{ending}") == 2
    errors = capsys.readouterr().err
    assert "Graphviz" in errors
    assert "svg" in errors.lower()
    assert os.listdir() == []


# -- check ------------------------------------------------------------------------------------------------

HOMEWORK = """
import numpy as np

def propagate(w, b, X, Y):
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return {"dw": np.dot(X, (A - Y).T) / m, "db": np.sum(A - Y) / m}, cost

def wrong(w, b, X, Y):
    print("dw is coming")
    grads, cost = propagate(w, b, X, Y)
    return {"dw": -grads["dw"], "db": grads["db"]}, cost

def nothing(w, b, X, Y):
    pass
"""


@pytest.mark.parametrize(
    ("function", "status", "says"),
    [("propagate", 0, "3 right"), ("wrong", 1, "slip: the sign is flipped"), ("nothing", 3, "returns None")],
)
def test_check_says_by_its_status_what_it_found(
    function: str, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 right, 1 wrong, 3 cannot tell."""
    Path("homework.py").write_text(HOMEWORK)
    assert minigrad_("check", f"homework.py:{function}") == status
    assert says in capsys.readouterr().out


def test_check_prints_json_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    Path("homework.py").write_text(HOMEWORK)
    assert minigrad_("check", "homework.py:wrong", "--json") == 1
    out, err = capsys.readouterr()
    found = {finding["name"]: finding for finding in json.loads(out)["findings"]}
    assert found["dw"]["slip"]["key"] == "sign flipped"
    assert found["db"]["verdict"] == "right"
    assert "dw is coming" in err


def test_check_of_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """Right, wrong, and cannot tell; numbers in one text or several; derivatives likewise."""
    formula = "z = w*x + b; a = sigmoid(z); L = bce(a, y)"
    at = ("--at", "w=0.5, x=2", "b=0", "y=1")
    assert minigrad_("check", formula, "--hand", "dz = a - y; dw = x*dz", "db = dz", *at) == 0
    assert "L: 3 right" in capsys.readouterr().out
    assert minigrad_("check", formula, "--hand", "dz = y - a", *at) == 1
    assert "sign" in capsys.readouterr().out
    assert minigrad_("check", formula, "--hand", "dq = y - a", *at) == 3
    assert 'no node is called "dq"' in capsys.readouterr().out


def test_check_draws_numbers_that_are_not_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("check", "L = w*x", "--hand", "dw = x", "--at", "w=2") == 0
    assert "numbers were drawn for what --at does not give: x = " in capsys.readouterr().out


def test_check_draws_the_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("check", "z = w*x; L = z**2", "--hand", "dz = z", "--out", "g.svg") == 1
    assert "g.svg: the graph, marked" in capsys.readouterr().out
    assert "✗" in Path("g.svg").read_text(encoding="utf-8")


def test_a_formula_is_never_run_as_code(capsys: pytest.CaptureFixture[str]) -> None:
    for formula, hand in (
        ("open('f', 'w')", "dx = x"),
        ("x*x", "dx = open('f', 'w')"),
        ("x*x", "dx = x.__class__"),
    ):
        assert minigrad_("check", formula, "--hand", hand) in (2, 3)
    capsys.readouterr()
    assert os.listdir() == []


# -- mistakes ---------------------------------------------------------------------------------------------

MISTAKES = [
    ("frob", "invalid choice: 'frob'"),
    ("--frob", "unrecognized arguments: --frob"),
    ("demo --frob", "unrecognized arguments: --frob"),
    ("demo extra", "unrecognized arguments: extra"),
    ("demo --alph 0.5", "unrecognized arguments: --alph"),
    ("demo --alpha", "expected one argument"),
    ("demo --alpha nan", "a finite number above 0, not nan"),
    ("demo --alpha inf", "a finite number above 0, not inf"),
    ("demo --alpha 0", "a finite number above 0, not 0"),
    ("demo --alpha -1", "a finite number above 0, not -1"),
    ("demo --alpha fast", "a finite number above 0, not fast"),
    ("demo --epochs 0", "1 or more, not 0"),
    ("demo --epochs -3", "1 or more, not -3"),
    ("demo --epochs 1.5", "1 or more, not 1.5"),
    ("demo --epochs many", "1 or more, not many"),
    ("demo --epochs 1_000", "1 or more, not 1_000"),
    ("demo --epochs 99999999999999999999", "1 or more, not 99999999999999999999"),
    ("demo --seed -1", "0 or more, not -1"),
    ("demo --out file", "a file is in its place"),
    ("demo --out file/below", "a file is in its place"),
    ("draw", "the formula is missing"),
    ("draw -x --at x=1", "the formula is missing"),
    ("draw --at x=1 x*2", "the formula is missing"),
    ("draw ''", "the formula is empty"),
    ("draw x*2 --at x=1 -o ''", "ends in none of them"),
    ("draw x*2", "no value for x"),
    ("draw x^2 --at x=1", "for a power write x ** y"),
    ("draw sigmod(x) --at x=1", "did you mean sigmoid"),
    ("draw x --at x=1 y=2", "a value is given for y"),
    ("draw x --at x", "--at takes NAME=NUMBER, not 'x'"),
    ("draw x --at x=1 x=2", "--at gives x twice"),
    ("draw x --at x=", "this is not a number"),
    ("draw x --at x=abc", "this is not a number"),
    ("draw x --at x=1=2", "this is not a number"),
    ("draw x --at x=1e999", "larger than the largest double"),
    ("draw x --at x=-1e999", "larger than the largest double"),
    ("draw x --at 1x=3", "'1x' cannot be a name"),
    ("draw x --at =3", "'' cannot be a name"),
    ("draw x --at", "expected at least one argument"),
    ("draw x*2 --at x=1 -o missing/g.svg", "missing"),
    ("draw x*2 --at x=1 -o .", ""),
    ("draw x*2 --at x=1 -o g.jpg", "svg"),
    ("draw x*2 --at x=1 -o g", "svg"),
    ("draw x*2 --at x=1 --max-nodes 2", "too many for --max-nodes 2"),
    ("draw x*2 --at x=1 --max-nodes 0", "1 or more, not 0"),
    ("draw x*2 --at x=1 --direction UP", "invalid choice: 'UP'"),
    ("draw x*2 --at x=1 --theme pink", "invalid choice: 'pink'"),
    ("check", "what is to be checked?"),
    ("check homework.py:propagate", "there is no file homework.py"),
    ("check homework.py --at x=1", "--at goes with a formula"),
    ("check homework.py --timeout 0", "seconds from 0.1 to 86400, not 0"),
    ("check homework.py --memory none", "1 or more, not none"),
    ("check homework.py --out g.png", "--out takes a file that ends in .svg"),
    ("check x*w", "which derivatives? Give them with --hand"),
    ("check x*w --hand dx", "--hand takes NAME = FORMULA"),
    ("check x*w --hand 'dx = w' 'dx = x'", "--hand gives dx twice"),
    ("check x*w --hand 'dx = w' --at x=two", "this is not a number"),
    ("check x*w --hand 'dx = w' --at q=1", "a value is given for q"),
    ("check x^w --hand 'dx = w'", "for a power write x ** y"),
    ("check x*w --hand 'dx = w' --model linear", "--model goes with a function"),
    ("check x*w --hand 'dx = w' --data f.npz", "--data goes with a function"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES)
def test_a_mistake_is_two_lines(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, nothing on standard output, nothing written; a place in a formula takes two lines more."""
    Path("file").touch()
    assert minigrad_(*shlex.split(line)) == 2
    text, errors = capsys.readouterr()
    assert text == ""
    assert says in errors
    assert errors.startswith("minigrad")
    assert len(errors.splitlines()) <= (3 if "^" in errors.splitlines()[-1] else 2)
    assert os.listdir() == ["file"]


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only errors that a user can mend become one line."""
    from minigrad import demo

    def fail(*_: object, **__: object) -> bool:
        raise ValueError("ours")

    monkeypatch.setattr(demo, "run", fail)
    with pytest.raises(ValueError, match="ours"):
        minigrad_("demo")


def test_a_label_cannot_play_with_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control and reordering characters of an argument come out as signs."""
    for line in (["draw", "x", "--at", "x\x1b[31m=1"], ["draw", "x\x1b[31m"], ["demo", "--alpha", "\u202e1"]):
        assert minigrad_(*line) == 2
        errors = capsys.readouterr().err
        assert "\x1b" not in errors
        assert "\u202e" not in errors


# -- help, version, streams, signals ----------------------------------------------------------------------


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert minigrad_("--version") == 0
    form = "compiled" if minigrad.COMPILED else "interpreted"
    assert capsys.readouterr().out == f"minigrad {minigrad.__version__} ({form})\n"
    assert minigrad_() == 0
    assert "demo" in capsys.readouterr().out
    for command in COMMANDS:
        assert minigrad_(command, "--help") == 0
        assert f"usage: minigrad {command}" in capsys.readouterr().out


COMMANDS = ("demo", "train", "predict", "draw", "check")


def files_of_the_help() -> None:
    """The tables and the model that the examples name."""
    generator = random.Random(0)
    numbers = [(generator.gauss(40, 9), generator.gauss(25, 4)) for _ in range(60)]
    labels = [int(age + 2 * bmi + generator.gauss(0, 20) > 90) for age, bmi in numbers]
    data = [f"{x1},{x2},{y}" for (x1, x2), y in zip(numbers, labels, strict=True)]
    patients = [f"{i},Ann,{line[:-1]}{('no', 'yes')[int(line[-1])]}" for i, line in enumerate(data)]
    Path("data.csv").write_text("\n".join(["x1,x2,y", *data]))
    Path("new.csv").write_text("\n".join(["x1,x2,y", *data]))
    Path("patients.csv").write_text("\n".join(["id,name,age,bmi,ill", *patients]))
    minigrad_("train", "data.csv", "--target", "y", "--save", "model.json")
    Path("homework.py").write_text(HOMEWORK)
    w, X, Y = np.array([[1.0], [2.0]]), np.array([[1.0, 2.0, -1.0], [3.0, 4.0, -3.2]]), np.array([[1, 0, 1]])
    np.savez("mine.npz", w=w, b=2.0, X=X, Y=Y)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_of_the_help_is_too_long(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It fits 80 columns."""
    minigrad_(command, "--help")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_run(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of the help that begins with minigrad."""
    files_of_the_help()
    capsys.readouterr()
    minigrad_(command, "--help")
    text = capsys.readouterr().out.replace("\\\n", " ")
    lines = re.findall(r"^  minigrad (.*)$", text, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        assert minigrad_(*shlex.split(line.replace("--epochs 1000", "--epochs 10"))) == 0, line
    assert capsys.readouterr().err == ""


def test_version_needs_no_numpy() -> None:
    """It answers at once: nothing heavy is imported for it."""
    code = "import sys; from minigrad.cli import main\ntry: main(['--version'])\nfinally: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert {"numpy", "rich", "matplotlib", "graphviz", "pyarrow", "scipy"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_encoding_will_do(encoding: str) -> None:
    """Letters that it lacks are spelt out."""
    with process("demo", "--epochs", "1", PYTHONIOENCODING=encoding) as running:
        text, errors = running.communicate(timeout=120)
    assert (running.returncode, errors) == (0, b"")
    assert ("a = σ(z)" if encoding == "utf-8" else "a = sigma(z)") in text.decode(encoding)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_with_130() -> None:
    """In the midst of a long training, without a traceback."""
    with process("demo", "--epochs", "1000000") as running:
        deadline = time.monotonic() + 60
        while not Path("minigrad-demo/logistic.svg").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, b"")


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize(
    "arguments", [("demo", "--epochs", "1"), ("draw", "x", "--at", "x=1", "-o", "-"), ("--help",)]
)
def test_a_reader_that_leaves_is_no_error(arguments: Sequence[str]) -> None:
    """As in `minigrad demo | head -1`."""
    with process(*arguments) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        running.wait(timeout=60)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk_behind_standard_output_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file is named, for there is none."""
    with (
        contextlib.suppress(OSError),
        open("/dev/full", "w") as full,
    ):  # which complains once more when it is closed
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.main(["draw", "w*x", "--at", "w=1", "x=2", "-o", "-"]) == 2
    says = "cannot write to standard output: No space left on device; send it elsewhere"
    assert capsys.readouterr().err == f"minigrad draw: {says}\n"


def test_draw_draws_the_graph_of_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reaches the drawing is the graph with its gradients: x² at 3 has the slope 6."""
    seen: list[Graph] = []
    import minigrad.draw as drawing

    right = drawing.draw

    def watched(output: minigrad.Value, *arguments: object, **options: object) -> object:
        seen.append(Graph(output))
        return right(output, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(drawing, "draw", watched)
    assert minigrad_("draw", "x**2", "--at", "x=3", "-o", "g.dot") == 0
    assert [(node.label, node.grad) for node in seen[0].inputs] == [("x", 6.0)]
