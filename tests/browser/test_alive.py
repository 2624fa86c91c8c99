"""No panel is ever dead: cells run again in any order, pages reloaded, kernels restarted, notebooks without one."""

from __future__ import annotations

import json
import random

import nbformat
import pytest

from .actions import counts, generate, kernel_says, make_idea, ready, run_all, save_idea, steady, until, wait_heard
from .front import KERNEL

PANELS = ("readiness", "login", "upload", "studio", "results")


@pytest.fixture(scope="module")
def heard(page, tmp_path_factory):
    """The page with an idea and three loops."""
    path = make_idea(tmp_path_factory.mktemp("idea"))
    save_idea(page, path)
    wait_heard(page, path.name)
    generate(page)
    return page


def test_opening_changes_nothing_but_what_jupyterlab_itself_notes_of_its_kernel(lab_server, browser):
    """It notes kernel and language in any notebook, also an empty one; what it has noted once it leaves alone."""
    opened = lab_server.another("opened")
    before, page = nbformat.read(opened.notebook, 4), browser.new_page()
    for _ in range(2):
        opened.load(page)
        page.evaluate(f"async () => {{ await {KERNEL}.ready; await {KERNEL}.session.kernel.info; }}")
        dirty = steady(page, "() => window.jupyterapp.shell.currentWidget.context.model.dirty")
        save(page)
    after = nbformat.read(opened.notebook, 4)
    noted = ("kernelspec", "language_info")
    assert not dirty, "a second time nothing at all is changed"
    assert after.cells == before.cells and after.nbformat_minor == before.nbformat_minor
    ours, theirs = ({k: v for k, v in book.metadata.items() if k not in noted} for book in (before, after))
    assert ours == theirs and "accelerator" in ours
    page.close()


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
    heard.wait_for_selector(".lg-login .lg-notice.warn, .lg-login .lg-notice.bad")
    assert "hf_wrong" not in heard.content()
    kernel_says(heard, "__import__('os').environ.pop('HF_TOKEN')")
    heard.locator(".lg-login summary").click()


# ----------------------------------------------------------------------------------------------- no panel is ever dead


def set_way(page, way):
    """The call in the cell UPLOAD as an older notebook has it, and that cell run again."""
    page.evaluate(
        """async (way) => { const book = window.jupyterapp.shell.currentWidget.content;
        const at = book.widgets.findIndex((c) => c.model.sharedModel.getSource().includes('ui.upload('));
        const model = book.widgets[at].model.sharedModel;
        model.setSource(model.getSource().replace(/ui.upload\\(.*\\)/, `ui.upload(FILE, "${way}")`));
        book.activeCellIndex = at; await window.jupyterapp.commands.execute('notebook:run-cell'); }""",
        way,
    )


def save(page):
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    until(page, "() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


def reload(page):
    page.reload()
    page.wait_for_selector(".lg-results .lg-loop")


def assert_alive(page, panels=PANELS):
    """Every panel is drawn, and the kernel answers what is pressed in it."""
    for name in panels:
        page.wait_for_selector(f".lg-{name}")
    until(page, "() => !document.querySelector('.jp-Notebook').innerText.includes('Loading widget')")
    assert "model not found" not in page.inner_text(".jp-Notebook")
    ready(page)
    bars = "2" if page.input_value(".t-bars") != "2" else "1"
    page.select_option(".t-bars", bars)
    counts(page, ".t-chord", int(bars))
    until(page, "() => ![...document.querySelectorAll('.t-silent')].some((el) => el.offsetParent)")


def test_a_way_of_an_older_notebook_is_the_panel_and_leaves_no_dead_one(heard):
    for way in ("simple", "colab"):
        set_way(heard, way)
        assert steady(heard, "() => document.querySelectorAll('.t-save').length || null") == 1, "one uploader"
        assert_alive(heard)
    save(heard)
    reload(heard)
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
    assert_alive(heard)
    save(heard)
    reload(heard)
    run_all(heard)
    reload(heard)
    assert_alive(heard)


def test_a_restarted_kernel_is_said_and_running_the_cells_brings_everything_back(heard):
    loops = heard.locator(".lg-loop").count()
    heard.evaluate(f"async () => {{ await {KERNEL}.session.kernel.restart(); }}")
    until(heard, f"() => {KERNEL}.session.kernel.status === 'idle'")
    heard.locator(".t-play").first.click()
    heard.wait_for_selector(".t-silent:visible:has-text('run the cells again')")
    run_all(heard)
    counts(heard, ".lg-loop", loops)
    assert_alive(heard)


def test_a_saved_notebook_shows_its_loops_without_a_kernel(heard, lab):
    heard.wait_for_selector(".loops-generator-still audio", state="attached")
    counts(heard, ".loops-generator-still", 1)
    heard.wait_for_selector(".loops-generator-still", state="hidden")  # here the panel itself is alive
    save(heard)
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
