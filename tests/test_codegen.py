"""minigrad.codegen: one row of the table is all that an operation needs."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_package import environment, said

import minigrad
from minigrad import RULES, Value, codegen, functions
from minigrad.rules import COMPUTED

PACKAGE = Path(minigrad.__file__).parent
SOURCES = ["*.py", "*.pxd", "*.pyi"]


def test_the_same_table_gives_the_same_bytes() -> None:
    """Twice here, and once in a process with another hash seed."""
    first = codegen.generate(RULES, COMPUTED)
    assert codegen.generate(RULES, COMPUTED) == first
    code = (
        "import hashlib; from minigrad import RULES, codegen; from minigrad.rules import COMPUTED; "
        "print(hashlib.sha256(repr(sorted(codegen.generate(RULES, COMPUTED).items())).encode()).hexdigest())"
    )
    digests = {
        said(
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code], env=environment(PYTHONHASHSEED=seed),
                cwd=PACKAGE.parent, text=True, capture_output=True, check=False,
            )
        )
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_the_generated_files_are_those_of_this_table() -> None:
    """What lies beside the table was made from it: an install that is out of date fails here."""
    for name, text in codegen.generate(RULES, COMPUTED).items():
        assert (PACKAGE / name).read_text(encoding="utf-8") == text, f"{name} is stale: install again"


def copied(tmp_path: Path) -> Path:
    """The sources of the package in another folder."""
    folder = tmp_path / "minigrad"
    folder.mkdir()
    for pattern in SOURCES:
        for path in PACKAGE.glob(pattern):
            shutil.copy(path, folder)
    for name in ("draw", "program"):
        shutil.copytree(
            PACKAGE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
        )
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Python with the copied package, interpreted."""
    return said(
        subprocess.run(
            [sys.executable, *arguments], env=environment(MINIGRAD_INTERPRETED="1", PYTHONPATH=str(folder.parent)),
            cwd=folder.parent, text=True, capture_output=True, check=False,
        )
    )  # fmt: skip


def test_a_new_row_is_a_new_operation(tmp_path: Path) -> None:
    """Function, method, kernel, partial, type stub and node of a picture, with nothing else changed."""
    folder = copied(tmp_path)
    table = (folder / "rules.py").read_text(encoding="utf-8")
    row = '    Rule("cube", "x * x * x", "3 * x * x"),\n    Rule("pull", "x / y + y", "1 / y", "1 - x / y / y"),\n'
    start = "_TABLE = (\n"
    assert table.count(start) == 1
    (folder / "rules.py").write_text(table.replace(start, start + row), encoding="utf-8")
    run(folder, str(folder / "codegen.py"))
    code = (
        "from minigrad import Value, cube, pull; x = Value(2.0, label='x'); y = pull(cube(x), x.cube()); y.backward(); "
        "print(y.data, x.grad, cube(3.0), y.op, len(y.draw(depth=0).dot) > 100)"
    )
    assert run(folder, "-c", code).split() == ["9.0", "12.0", "27.0", "pull", "True"]
    assert "def cube(x: Value, /) -> Value: ..." in (folder / "functions.pyi").read_text()
    assert "def cube(self) -> Value: ..." in (folder / "rows.pyi").read_text()
    assert "cdef (double, double) row_cube(double x) noexcept nogil" in (folder / "rows.pxd").read_text()


def test_a_new_row_has_a_block_kernel(tmp_path: Path) -> None:
    """In lanes where its functions have such a form, else row by row; its computed partial too, and both at once."""
    folder = copied(tmp_path)
    table = (folder / "rules.py").read_text(encoding="utf-8")
    rows = (
        '    Rule("ramp", "x * sigmoid(x) if x > y and y >= 0 else nan", "1", "0", computed=("x / y", "sqrt(out)")),\n'
        '    Rule("fact", "lgamma(x + 1) + tan_d(0)", "digamma(x + 1)"),\n'
        '    Rule("most", "most(x)", "0", operands=("x*",)),\n'
    )
    (folder / "rules.py").write_text(table.replace("_TABLE = (\n", "_TABLE = (\n" + rows), encoding="utf-8")
    for module, line in (
        ("sums.py", "\n\ndef nary_most(x, n):\n    return max(x[i] for i in range(n))\n"),
        ("sums.pxd", "cdef double nary_most(double* x, Py_ssize_t n) except? -1\n"),
    ):
        (folder / module).write_text((folder / module).read_text() + line)
    run(folder, str(folder / "codegen.py"))
    code = (
        "import numpy as np; from minigrad.program.blocks import evaluate, evaluate_pair; "
        "x = np.array([0.0, 2.0, -9.0]); out, partial = np.empty((2, 3)); "
        "evaluate_pair('ramp', 'ramp_dx', [x, 0.0], out, partial); print(out.tolist(), partial.tolist()); "
        "evaluate('ramp_dy', [x, 1.0], out); print(out.tolist()); "
        "evaluate('fact', [x], out); print(out.tolist()); evaluate('most', [x, 1.0, -x], out); print(out.tolist())"
    )
    shown = run(folder, "-c", code).splitlines()
    assert shown[0] == "[nan, 1.7615941559557646, nan] [nan, inf, -inf]"
    assert shown[1] == "[nan, 1.327250600284575, nan]"
    assert shown[2] == "[1.0, 1.6931471805599454, inf]"
    assert shown[3] == "[1.0, 2.0, 9.0]"
    kernels = (folder / "program" / "kernels.py").read_text(encoding="utf-8")
    assert "        out[i] = exact_of_fact(x[i])" in kernels
    assert "            out[first + i] = lane_of_ramp(x[first + i], u, decay_x[i])" in kernels


def test_a_row_that_calls_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    """When the package is built, by the name of the function."""
    folder = copied(tmp_path)
    table = (folder / "rules.py").read_text(encoding="utf-8")
    table = table.replace("_TABLE = (\n", '_TABLE = (\n    Rule("odd", "oddly(x)", "1"),\n')
    (folder / "rules.py").write_text(table, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(folder / "codegen.py")],
        env=environment(),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert "LookupError: rules.py names oddly" in done.stderr


def test_unchanged_files_are_left_alone(tmp_path: Path) -> None:
    """So that nothing is compiled again in vain."""
    paths = codegen.write(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in paths}
    (tmp_path / "rows.py").write_text("old")
    codegen.write(tmp_path)
    changed = [path.name for path in paths if path.stat().st_mtime_ns != before[path]]
    assert changed == ["rows.py"]


def stub_names(name: str) -> dict[str, ast.AST]:
    """The top-level names that a stub declares."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_stubs_list_every_public_function() -> None:
    """functions.pyi against functions at run time, both ways; __all__ the same."""
    declared = stub_names("functions.pyi")
    assert set(functions.__all__) == set(declared)
    tree = ast.parse((PACKAGE / "functions.pyi").read_text(encoding="utf-8"))
    (names,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(names) == sorted(functions.__all__)


def test_stubs_list_every_method_of_value() -> None:
    """value.pyi and rows.pyi against Value at run time."""
    numpys_names = set(functions._NUMPY_NAMES) | {"conjugate"}
    declared = {
        member.name if isinstance(member, ast.FunctionDef) else ""
        for stub, name in (("value.pyi", "Value"), ("rows.pyi", "Methods"))
        for member in ast.walk(stub_names(stub)[name])
    }
    public = {name for name in dir(Value) if not name.startswith("_")}
    assert public - numpys_names - declared == set()
    assert {name for name in declared if name and not hasattr(Value, name)} == set()


@pytest.mark.parametrize("module", ["numeric", "gamma", "sums"])
def test_stubs_of_the_numeric_modules_are_callable(module: str) -> None:
    """What the stub promises, Python can call, compiled and interpreted."""
    loaded = __import__(f"minigrad.{module}", fromlist=["x"])
    for name in stub_names(f"{module}.pyi"):
        assert callable(getattr(loaded, name)), name
