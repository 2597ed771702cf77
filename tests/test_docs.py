"""Every block of code in README.md, in docs/ and in a docstring runs, and prints what is written under it."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.myst.lexers import DirectiveLexer

import minigrad

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

#: Console blocks run as in a terminal of 100 columns without colours, with the programs and the minigrad of
#: this Python.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(minigrad.__file__).parents[1]),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "COLUMNS": "100",
    "NO_COLOR": "1",
}

#: What may follow the opening ``` of a block: languages that are run or checked, prose, and directives
#: that hold no code. `markdown` shows how a page is written.
KNOWN = {
    "python", "console", "{run}", "bash",
    "text", "markdown", "{operations}", "{rewrites}",
    "{toctree}", "{eval-rst}", "{math}", "{note}", "{tip}", "{warning}",
}  # fmt: skip


def commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output shown under it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def run_console(example: Example) -> str | None:
    """Run each command of the block; say how its output differs from what the page shows."""
    for command, shown in commands(example.parsed):
        if command.split()[0] not in ("minigrad", "python"):
            return f"only minigrad and python are run in a console block, not: {command}"
        # In a tree that is not installed there is no program; test_package holds the program to this.
        program = shutil.which("minigrad", path=ENVIRONMENT["PATH"])
        run = command if program else re.sub(r"^minigrad\b", "python -m minigrad", command)
        done = subprocess.run(
            run, shell=True, text=True, capture_output=True, env=ENVIRONMENT, check=False, timeout=300
        )
        if done.returncode != 0:
            return f"$ {command}\nexit status {done.returncode}\n{done.stdout}{done.stderr}"
        right = doctest.OutputChecker().check_output(shown.strip(), done.stdout.strip(), COMPARE)
        if shown.strip() and not right:
            return f"$ {command}\nthe page shows\n{shown}\nbut it prints\n{done.stdout}{done.stderr}"
    return None


def check_bash(example: Example) -> str | None:
    """A block that would install things: its syntax, and that what it names exists."""
    done = subprocess.run(["bash", "-n"], input=example.parsed, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        return f"bash -n: {done.stderr}"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = {name for group in re.findall(r"\[([\w,]+)\]", example.parsed) for name in group.split(",")}
    if unknown := asked - set(extras):
        return f"no such extra: {', '.join(sorted(unknown))}"
    source = "".join(path.read_text() for path in (ROOT / "minigrad").glob("_*.py"))
    if unknown := {name for name in re.findall(r"MINIGRAD_\w+", example.parsed) if name not in source}:
        return f"no such variable: {', '.join(sorted(unknown))}"
    return None


def run_piece(example: Example) -> None:
    """A {run} directive: the site shows its result, the test only runs it."""
    exec(compile(example.parsed, example.path, "exec"), example.namespace)


class RunParser:
    """Finds the {run} directives of a page."""

    def __call__(self, document: Document) -> Iterator[Region]:
        for region in DirectiveLexer("run")(document):
            region.parsed = region.lexemes["source"]
            region.evaluator = run_piece
            yield region


PARSERS: list[Callable[[Document], Iterable[Region]]] = [
    PythonCodeBlockParser(doctest_optionflags=COMPARE),
    CodeBlockParser("console", run_console),
    CodeBlockParser("bash", check_bash),
    RunParser(),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks share their names down the page; files land in a folder that is thrown away."""
    monkeypatch.chdir(tmp_path)
    document = Document.parse(str(page), *PARSERS)
    for example in document.examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_goes_unread(page: Path) -> None:
    """A block in a language that nothing runs or checks is refused."""
    document = Document.parse(str(page))
    infos = [
        region.lexemes["info"].split(maxsplit=1)
        for region in RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))(document)
    ]
    assert {info[0] if info else "(no language)" for info in infos} <= KNOWN


MODULES = sorted(
    path
    for path in (ROOT / "minigrad").rglob("*.py")
    if path.stem not in ("_build", "__main__", "rows") and ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_in_docstrings_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken from the source, so that the examples of compiled modules run too, against native code."""
    monkeypatch.chdir(tmp_path)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    names = vars(importlib.import_module(name))
    runner = doctest.DocTestRunner(optionflags=COMPARE)
    report: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            text := ast.get_docstring(node)
        ):
            line = node.body[0].lineno - 1
            example = doctest.DocTestParser().get_doctest(text, dict(names), name, str(path), line)
            runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_the_commands_of_the_readme_are_run_by_ci() -> None:
    """.ci/run takes these two from README.md word for word."""
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    marks = re.findall(r"^<!-- run by \.ci/run: (\w+) -->\n```bash\n(.+)\n```$", readme, flags=re.MULTILINE)
    assert [name for name, _ in marks] == ["demo", "test"]
    for name, _ in marks:
        assert f"readme_command {name}" in script


def test_the_pictures_of_the_readme_are_what_the_code_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python docs/_ext/pictures.py` writes them anew after a change to what pictures look like."""
    monkeypatch.setenv("PATH", os.environ.get("PATH", ""))  # put back what drawing without Graphviz hides
    drawn = runpy.run_path(str(ROOT / "docs" / "_ext" / "pictures.py"))["pictures"]()
    shown = re.findall(r'"docs/_static/([^"]+)"', (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(drawn) == sorted(shown)
    for name, svg in drawn.items():
        assert (ROOT / "docs" / "_static" / name).read_text(encoding="utf-8") == svg, name


def page_of(text: str, folder: Path) -> Document:
    """A page with this text, parsed."""
    path = folder / "page.md"
    path.write_text(text)
    return Document.parse(str(path), *PARSERS)


@pytest.mark.parametrize(
    "block",
    [
        "```python\n>>> 1 + 1\n3\n```",
        "```python\nassert 1 + 1 == 3\n```",
        "```console\n$ python -c 'print(2)'\n3\n```",
        "```console\n$ python -c 'raise SystemExit(1)'\n```",
        "```console\n$ rm -rf nothing\n```",
        "```bash\nif true\n```",
        '```bash\npip install ".[nothing]"\n```',
        "```bash\nMINIGRAD_NOTHING=1 python3\n```",
        "```{run}\n:alt: words\n\nassert 1 + 1 == 3\n```",
    ],
)
def test_a_wrong_block_is_refused(block: str, tmp_path: Path) -> None:
    """The checker itself: what it must not let through."""
    (example,) = page_of(block, tmp_path).examples()
    with pytest.raises(AssertionError):
        example.evaluate()


def test_a_right_console_block_passes(tmp_path: Path) -> None:
    """Output is compared under each command; three dots stand for anything."""
    block = "```console\n$ python -c 'print(2)'\n2\n$ python -c 'print(1, 2, 3)'\n1 ... 3\n```"
    (example,) = page_of(block, tmp_path).examples()
    example.evaluate()
