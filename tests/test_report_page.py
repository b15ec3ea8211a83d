"""The page in a browser, from disk: filters, the keyboard, the evidence, light and dark."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_conformance.reporting import loading, matrix, page
from asgi_conformance.tests import reports
from asgi_conformance.tests.reports import check, write

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FAILING = "conformance/http/test_scope_path.py::test_encoded_slash_is_decoded[http1]"
FRAMING = "conformance/http1/test_framing.py::test_both_lengths[whole]"
CHOICE = "conformance/core/test_application.py::test_thread[http1]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: playwright's own, or else the system's."""
    with sync_api.sync_playwright() as playwright:
        system = next(filter(None, map(shutil.which, SYSTEM)), None)
        reasons = []
        for path in (None, system):
            try:
                found = playwright.chromium.launch(executable_path=path)
            except sync_api.Error as error:
                reasons.append(str(error).strip().splitlines()[0])
                continue
            yield found
            found.close()
            return
        pytest.skip(f"no Chromium can be launched (python -m playwright install chromium): {'; '.join(reasons)}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report of two versions of one server, and of another server."""
    core = check(CHOICE, "observed", requirements=["core.application.main-thread"], level="MAY", observation="in it")
    framing = check(FRAMING, requirements=["rfc9112.line.bare-cr"], title="A bare CR is refused.")
    broken = {"verdict": "fail", "message": "assert '/a' == '/b'", "transcript": reports.TRANSCRIPT}
    paths = [
        write(tmp_path / "1.json", core, framing, check(), version="0.9.0"),
        write(tmp_path / "2.json", core, framing, check(expected="a known reason", **broken), version="0.10.0"),
        write(tmp_path / "3.json", core, check(**broken), name="hypercorn", variant="trio", version="0.17.3"),
    ]
    page.write(loading.load(paths), tmp_path)
    return tmp_path


def opened(browser: Browser, folder: Path, scheme: str = "light", address: str = "") -> Page:
    """Open the page from disk, offline, and have every error of its scripts fail the test."""
    context = browser.new_context(color_scheme=scheme, offline=True)  # type: ignore[arg-type]
    found = context.new_page()
    errors: list[str] = []
    found.errors = errors  # type: ignore[attr-defined]
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.set_default_timeout(10_000)
    found.goto((folder / "index.html").as_uri() + address)
    return found


@pytest.fixture
def shown(browser: Browser, folder: Path) -> Iterator[Page]:
    """The page, open."""
    found = opened(browser, folder)
    yield found
    assert found.errors == []  # type: ignore[attr-defined]
    found.context.close()


def rows(shown: Page) -> list[str]:
    """Return the ids of the checks that are shown."""
    return ["conformance/" + text for text in shown.locator("tr.check .id").all_inner_texts()]


def test_servers_and_sections_are_there_and_checks_are_closed(shown: Page) -> None:
    """Columns in order, versions as history, sections by protocol with their counts."""
    names = [text.split()[0] for text in shown.locator("#grid thead button").all_inner_texts()]
    assert names == ["0.17.3", "0.9.0", "0.10.0"]
    assert shown.locator("tr.protocol th").all_inner_texts() == [
        "ASGI core",
        "HTTP semantics",
        "HTTP/1.1 on the wire",
    ]
    assert rows(shown) == []
    assert shown.locator("#found").inner_text() == "3 checks in 3 sections"
    assert shown.locator("#overview tbody tr").nth(2).locator(".since").inner_text() == "1 worse"
    unscoped = shown.locator("#overview th:not([scope]), #grid th:not([scope])")
    assert unscoped.count() == 0


def test_filters(shown: Page) -> None:
    """Each leaves the rows that it names; together they leave those that all do."""
    shown.check("#broken")
    assert rows(shown) == [FAILING]
    shown.uncheck("#broken")
    shown.check("#differ")
    assert rows(shown) == [FAILING]
    shown.select_option("#level", "MAY")
    assert rows(shown) == []
    assert "No check is left" in shown.locator("#grid").inner_text()
    shown.click("#reset")
    shown.wait_for_function("document.getElementById('found').textContent === '3 checks in 3 sections'")
    shown.click("[data-verdict=o]")
    assert shown.locator("[data-verdict=o]").get_attribute("aria-pressed") == "true"
    assert rows(shown) == [CHOICE]
    shown.click("[data-verdict=o]")
    shown.fill("#text", "bare CR")
    shown.wait_for_selector("tr.check")
    assert rows(shown) == [FRAMING]
    shown.check("#unlisted")
    assert rows(shown) == []


def test_what_is_filtered_stands_in_the_address(shown: Page, browser: Browser, folder: Path) -> None:
    """So that a link shows the same."""
    shown.check("#differ")
    address = shown.evaluate("location.hash")
    assert "differ=yes" in address
    again = opened(browser, folder, address=address)
    assert rows(again) == [FAILING]
    again.context.close()


def test_a_cell_is_opened_by_keyboard(shown: Page) -> None:
    """Arrow keys go to the cell, Enter opens the evidence, Escape closes it and gives the focus back."""
    shown.locator("#text").focus()
    shown.locator("#grid .toggle").nth(1).focus()
    shown.keyboard.press("ArrowRight")
    assert rows(shown) == [FAILING]
    assert shown.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate("document.activeElement.href").endswith("/www.html#http-connection-scope")
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("End")
    label = shown.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == "uvicorn 0.10.0: fail, known; the version before: pass"
    assert shown.locator("#grid [tabindex='0']").count() == 1
    shown.keyboard.press("Enter")
    dialog = shown.locator("#evidence[open]")
    dialog.wait_for()
    text = dialog.inner_text()
    for part in (
        "http.scope.path.decoded MUST",
        "percent-encoded sequences",
        "The path is decoded.",
        "assert '/a' == '/b'",
        "a known reason",
        f"pytest --server=uvicorn '{FAILING}'",
    ):
        assert part in text
    link = dialog.locator(".requirement a").get_attribute("href")
    assert link == "https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope"
    shown.keyboard.press("Escape")
    assert shown.locator("#evidence[open]").count() == 0
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == label
    shown.keyboard.press("ArrowUp")
    shown.keyboard.press("ArrowLeft")
    assert rows(shown) == []


def test_the_transcript_is_a_chart_of_both_ends(shown: Page) -> None:
    """Who said what to whom, when: in places for the eye, in words for who cannot see."""
    shown.check("#broken")
    shown.locator("#grid .cell[data-column='2']").click()
    items = shown.locator("#evidence .chart li:not(.heads)")
    said = [
        re.sub(r"\s+", " ", text).strip() for text in items.evaluate_all("all => all.map(each => each.textContent)")
    ]
    assert said == [
        "0.0client to server: GET / HTTP/1.1\\r\\n \\r\\n→",
        "0.4server to application: called with {'type': 'http', 'path': '/'}→",
        "0.9application to server: return←",
        "1.1server to client: (end of stream)←",
        "1.2another request was answered with 204",
    ]
    left, right = items.nth(0).locator(".what").bounding_box(), items.nth(1).locator(".what").bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] < right["x"]


def test_the_same_check_elsewhere_is_one_step_away(shown: Page) -> None:
    """The evidence names the verdict of every run, and goes there."""
    shown.check("#broken")
    shown.locator("#grid .cell[data-column='2']").click()
    shown.locator("#evidence .columns button", has_text="hypercorn:trio 0.17.3").click()
    shown.locator("#evidence-title", has_text="hypercorn:trio 0.17.3").wait_for()
    assert "pytest --server=hypercorn:trio" in shown.locator("#evidence .again").inner_text()


def test_evidence_in_files_of_its_own(browser: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded from disk when a cell asks for it; where it is missing, the cell says so."""
    monkeypatch.setattr(page, "_MOST_INLINE", 0)
    page.write(loading.load(folder.glob("*.json")), folder)
    found = opened(browser, folder, address="#broken=yes")
    found.locator("#grid .cell[data-column='0']").click()
    found.locator("#evidence .chart").wait_for()
    found.context.close()
    (folder / "evidence-0.js").unlink()
    found = opened(browser, folder, address="#broken=yes")
    found.locator("#grid .cell[data-column='0']").click()
    found.locator("#evidence .note").wait_for()
    assert "evidence-0.js" in found.locator("#evidence .note").inner_text()
    found.context.close()


def luminance(colour: str) -> float:
    """Return the relative luminance of a CSS colour such as ``rgb(1, 2, 3)``, from 0 to 1 (WCAG 2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(scheme: str, browser: Browser, folder: Path) -> None:
    """The page follows the reader's setting, and its signs and texts have a contrast of 4.5 to 1 in both."""
    found = opened(browser, folder, scheme)
    background = found.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) > 0.5) is (scheme == "light")
    found.click("#open-all")
    found.click("#legend-open")
    script = "all => all.map(e => [e.className, getComputedStyle(e).color, getComputedStyle(e).backgroundColor])"
    signs = found.locator("#legend .sign").evaluate_all(script)
    body = ["body", found.evaluate("getComputedStyle(document.body).color"), background]
    assert len(signs) > 8
    for name, ink, paper in [*signs, body]:
        dark, light = sorted((luminance(ink), luminance(paper)))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
    found.context.close()


def test_a_large_report_loads_at_once(browser: Browser, tmp_path: Path) -> None:
    """40 columns of 5,000 checks, opened from disk, all of them opened, and filtered; how long it took is printed."""
    checks = [
        check(
            f"conformance/http/test_{number % 50}.py::test_{number}[http1]",
            "fail" if number % 40 == 0 else "pass",
            message="assert 1 == 2" if number % 40 == 0 else "",
            transcript=f"{reports.TRANSCRIPT}\n     2.0  -- {number}" if number % 40 == 0 else "",
            title=f"Title {number % 700}.",
        )
        for number in range(5000)
    ]
    first = loading.read(write(tmp_path / "a.json", *checks))
    runs = [dataclasses.replace(first, version=f"0.{version}.0") for version in range(40)]
    written = page.write(runs, tmp_path)
    found = opened(browser, tmp_path)
    took = found.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    sizes = {path.name: path.stat().st_size for path in written}
    found.evaluate("window.clicked = performance.now()")
    found.click("#open-all")
    found.locator("tr.check").first.wait_for()
    opening = found.evaluate("performance.now() - window.clicked")
    assert found.locator("tr.check").count() < 5000
    print(f"loaded in {took:.0f} ms, all opened in {opening:.0f} ms, {json.dumps(sizes)}")
    assert took < 2000 * 3  # milliseconds; three times what an idle machine takes at most
    assert opening < 2000 * 3
    assert matrix.NOT_RUN not in {row[4][0] for row in matrix.build(runs[:1]).data["rows"]}
    found.context.close()
