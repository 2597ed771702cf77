"""How fast a page opens and how smoothly it scrubs, in the system's Chromium.

    python tests/bench/page.py [--quick]

Each graph is a chain of tanh with a parameter at each link, seen backwards and forwards. A page is opened five times in
a tab of its own: until its script has drawn the graph. Then the slider of steps goes through the whole replay, one move
in each animation frame, which the browser gives as soon as it has painted the one before.

Room: writes pages into a folder that is thrown away, times and prints; no test depends on a time. Below: `browser`.
Must hold: nothing is asked for beside the file. Without Chromium or playwright it says so and ends.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from measuring import machine, optional, spread, verdict

import minigrad
from minigrad import Graph, Value, tanh
from minigrad.page import page

sys.path.append(str(Path(__file__).parents[1]))

from browser import FLAGS, Opened, chromium

#: Seconds until a page is there; frames a second while it scrubs.
GOALS = {"open": 2.0, "frames": 30.0}

#: Milliseconds from one frame to the next, for `moves` moves of the slider over the whole replay.
SCRUB = """(moves) => new Promise((done) => {
  const slider = document.getElementById("scrub"), times = [];
  let before = 0;
  const move = (now) => {
    if (before) { times.push(now - before); }
    before = now;
    if (times.length === moves) { done(times); return; }
    slider.value = Math.round(slider.max * (times.length + 1) / moves);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})"""

#: Milliseconds from the start of the navigation until the script has run.
OPENED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def chain(nodes: int) -> Value:
    """z := tanh(w * z), about so many nodes."""
    z = Value(0.5, label="x")
    for j in range(nodes // 3):
        z = tanh(Value(0.9, label=f"w{j}") * z)
    return z.named("L")


def measure(browser: Any, folder: Path, nodes: int, times: int, moves: int) -> None:
    """Print the lines of one graph."""
    output = chain(nodes)
    file = folder / f"{nodes}.html"
    page(output, file)
    opened: list[float] = []
    for _ in range(times):
        tab = Opened(browser, file)
        tab.wait("document.getElementById('count').textContent.length > 3")
        opened.append(tab.tab.evaluate(OPENED) / 1e3)
        frames = [1e3 / each for each in tab.tab.evaluate(SCRUB, moves)]
        drawn = tab.tab.locator("g.node").count()
        assert tab.quiet(), (tab.complaints, tab.requests)
        tab.close()
    frames.sort()
    print(f"\n{len(Graph(output)):,} nodes: {file.stat().st_size / 1e3:.0f} kB, {drawn} cards are drawn")
    met = [sorted(opened)[len(opened) // 2] <= GOALS["open"], frames[len(frames) // 2] >= GOALS["frames"]]
    print(f"  opens in        {spread(opened)} s   {verdict(met[0], 'at most 2')}")
    print(f"  frames a second {spread(frames)}   {verdict(met[1], 'at least 30')}")


def main() -> None:
    """Measure pages of three sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small graph, to see that it runs")
    options = parser.parse_args()
    path, playwright = chromium(), optional("playwright.sync_api")
    if path is None or playwright is None:
        print('nothing is measured: needs Chromium, and playwright from pip install "minigrad[test]"')
        return
    with playwright.sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        print(
            f"minigrad {minigrad.__version__}; Chromium {browser.version}, "
            f"playwright {metadata.version('playwright')}; {machine()}"
        )
        for nodes in (60,) if options.quick else (200, 2_000, 5_000):
            measure(browser, Path(folder), nodes, 1 if options.quick else 5, 10 if options.quick else 120)
        browser.close()


if __name__ == "__main__":
    main()
