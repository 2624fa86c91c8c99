"""No panel is ever dead: cells run again in any order, pages reloaded, kernels restarted, notebooks without one."""

from __future__ import annotations

import json
import random

import pytest

from .actions import generate, kernel_says, make_idea, run_all, save_idea, wait_heard
from .front import KERNEL

PANELS = ("readiness", "login", "upload", "studio", "results")


@pytest.fixture(scope="module")
def heard(page, tmp_path_factory):
    """The page with an idea and three loops."""
    path = make_idea(tmp_path_factory.mktemp("idea"))
    save_idea(page, path)
    wait_heard(page, path.name)
    generate(page)
    ready(page)
    return page


def ready(page):
    page.wait_for_function("() => !document.querySelector('[data-key=generate]').disabled", timeout=60_000)


# ------------------------------------------------------------------------------------------------- MODELS and LOGIN


def test_models_offers_no_tick_that_install_would_refuse(heard):
    patch = (
        "from helpers.ui import readiness; readiness.obstacle = lambda family: 'It needs torch.\\nInstall it.'; "
        "ui.current().models.refresh()"
    )
    kernel_says(heard, "None", patch)
    heard.locator(".lg-readiness summary").first.click()
    row = heard.locator(".lg-readiness tr:has-text('audiocraft')")
    row.locator("text=Install it.").wait_for()
    assert row.locator("input").count() == 0
    kernel_says(heard, "None", "import importlib; importlib.reload(readiness); ui.current().models.refresh()")
    heard.locator(".lg-readiness summary").first.click()


def test_a_token_that_opens_nothing_is_not_shown_as_good(heard):
    heard.locator(".lg-login summary").click()
    heard.fill('[data-key="token"]', "hf_wrong")
    heard.click(".lg-login :text('Log in')")
    heard.wait_for_selector(".lg-login .lg-notice.warn, .lg-login .lg-notice.bad", timeout=60_000)
    assert "hf_wrong" not in heard.content()
    kernel_says(heard, "__import__('os').environ.pop('HF_TOKEN')")
    heard.locator(".lg-login summary").click()


# ----------------------------------------------------------------------------------------------- no panel is ever dead


def set_way(page, way):
    """The value of the cell UPLOAD's form, and that cell run again."""
    page.evaluate(
        """async (way) => { const book = window.jupyterapp.shell.currentWidget.content;
        const at = book.widgets.findIndex((c) => c.model.sharedModel.getSource().includes('WAY = '));
        const model = book.widgets[at].model.sharedModel;
        model.setSource(model.getSource().replace(/WAY = "[a-z]*"/, `WAY = "${way}"`));
        book.activeCellIndex = at; await window.jupyterapp.commands.execute('notebook:run-cell'); }""",
        way,
    )
    page.wait_for_timeout(1200)


def save_and_reload(page):
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(800)
    page.reload()
    page.wait_for_selector(".lg-results .lg-loop", timeout=60_000)
    page.wait_for_timeout(1200)


def assert_alive(page, panels=PANELS):
    """Every panel is drawn, and the kernel answers what is pressed in it."""
    for name in panels:
        page.wait_for_selector(f".lg-{name}", timeout=30_000)
    text = page.inner_text(".jp-Notebook")
    assert "model not found" not in text and "Loading widget" not in text
    bars = "2" if page.input_value(".t-bars") != "2" else "1"
    page.select_option(".t-bars", bars)
    page.wait_for_function("(n) => document.querySelectorAll('.t-chord').length === n", arg=int(bars))
    page.wait_for_function("() => ![...document.querySelectorAll('.t-silent')].some((el) => el.offsetParent)")


def test_a_way_of_an_older_notebook_is_the_panel_and_leaves_no_dead_one(heard):
    for way in ("simple", "panel"):
        set_way(heard, way)
        assert heard.locator(".t-save").count() == 1, "one uploader"
        assert_alive(heard)
    save_and_reload(heard)
    assert_alive(heard)


def test_cells_run_again_in_any_order_then_reloaded_show_the_same_panels(heard):
    order = list(range(7, heard.locator(".jp-Cell").count()))
    random.Random(5).shuffle(order)
    for at in order:
        heard.evaluate(
            """async (at) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at;
            await window.jupyterapp.commands.execute('notebook:run-cell'); }""",
            at,
        )
    heard.wait_for_timeout(1000)
    assert_alive(heard)
    save_and_reload(heard)
    run_all(heard)
    heard.wait_for_timeout(2000)
    heard.reload()
    heard.wait_for_selector(".lg-results .lg-loop", timeout=60_000)
    heard.wait_for_timeout(1200)
    assert_alive(heard)


def test_a_restarted_kernel_is_said_and_running_the_cells_brings_everything_back(heard):
    loops = heard.locator(".lg-loop").count()
    heard.evaluate(f"async () => {{ await {KERNEL}.session.kernel.restart(); }}")
    heard.wait_for_timeout(2000)
    heard.locator(".t-play").first.click()
    heard.wait_for_selector(".t-silent:visible", timeout=15_000)
    assert "run the cells again" in heard.inner_text(".t-silent:visible")
    run_all(heard)
    heard.wait_for_function("(n) => document.querySelectorAll('.lg-loop').length === n", arg=loops, timeout=60_000)
    ready(heard)
    assert_alive(heard)


def test_a_saved_notebook_shows_its_loops_without_a_kernel(heard, lab):
    heard.wait_for_timeout(1500)
    assert heard.locator(".loops-generator-still").count() == 1
    assert not heard.locator(".loops-generator-still").is_visible(), "here the panel itself is alive"
    heard.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    heard.wait_for_timeout(1500)
    book = json.loads(lab.notebook.read_text(encoding="utf-8"))
    still = [
        "".join(output["data"]["text/html"])
        for cell in book["cells"]
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert len(still) == 1 and "data:image/png;base64," in still[0] and "<audio" in still[0]
    assert lab.notebook.stat().st_size < 2_000_000
    texts = json.dumps(book)
    assert "object at 0x" not in texts and "MODELS: run this cell" in texts and "<table" not in still[0]
