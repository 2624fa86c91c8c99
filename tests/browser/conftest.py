"""Chromium and a JupyterLab for the whole run; skipped where Playwright or Chromium is missing."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from .actions import make_idea, save_idea, wait_heard
from .front import CHROMIUM, FLAGS, PICTURES, Front, has_server

# The real engines, and beside them one that takes minutes.
PRELUDE = """
from helpers.engines import registry
from tests.ui.fakes import SlowEngine
registry._instances["musicgen"] = SlowEngine()
"""


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What the pages said when a test failed: a wait that ran out does not tell by itself."""
    report = yield
    if report.failed and "browser" in getattr(item, "funcargs", {}):
        for context in item.funcargs["browser"].contexts:
            for shown in context.pages:
                with suppress(Exception):  # a page that does not answer has nothing to say
                    report.sections.append(("the page", shown.inner_text("body", timeout=2000)))
    return report


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("There is no Chromium on this machine; install one or set CHROMIUM to its path.")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def facts():
    """What was measured on the way; printed and kept beside the pictures."""
    found: dict[str, object] = {}
    yield found
    PICTURES.mkdir(exist_ok=True)
    text = json.dumps(found, indent=2)
    (PICTURES / "browser.json").write_text(text)
    print("\n" + text)


@pytest.fixture(scope="session")
def lab_server(browser, tmp_path_factory):
    """JupyterLab with the websocket limit that hosted notebooks are reported to have: 1 MB."""
    front = Front(tmp_path_factory.mktemp("lab"), "lab", message_limit_bytes=1_000_000)
    yield front
    front.close()


@pytest.fixture(scope="session")
def voila(browser, tmp_path_factory):
    """The notebook as a page that is served to visitors; each browser context is one."""
    if not has_server("voila"):
        pytest.skip("Voilà is not installed beside this notebook server.")
    front = Front(tmp_path_factory.mktemp("voila"), "voila")
    yield front
    front.close()


@pytest.fixture(scope="module")
def lab(lab_server, request):
    """A notebook and a kernel for each module."""
    front = lab_server.another(request.module.__name__.rsplit(".", 1)[-1], prelude=PRELUDE)
    yield front
    front.end_kernels()  # each keeps half a gigabyte


@pytest.fixture(scope="module")
def page(lab, browser):
    """One page for a module's whole story, all cells run."""
    opened = browser.new_page(viewport={"width": 1240, "height": 1400}, accept_downloads=True)
    opened.loops_errors = []
    opened.on("pageerror", lambda error: opened.loops_errors.append(str(error)))
    lab.open(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def eval_folder():
    """Real ideas and bad files to try, where ``LOOPS_EVAL`` names their folder."""
    folder = os.environ.get("LOOPS_EVAL")
    if not folder:
        pytest.skip("Set LOOPS_EVAL to a folder of ideas with a bad/ subfolder and its expected.csv.")
    return Path(folder)


@pytest.fixture(scope="module")
def idea(tmp_path_factory):
    return make_idea(tmp_path_factory.mktemp("idea"))


@pytest.fixture(scope="module")
def heard(page, idea):
    """The page with an idea that has been heard: four bars, 96 BPM."""
    save_idea(page, idea)
    wait_heard(page, idea.name)
    return page
