"""The panels in light and dark, wide and narrow, in JupyterLab and as a Voilà page; pictures are kept."""

import pytest

from .actions import LOUDNESS, generate, make_idea, play, save_idea, wait_heard
from .conftest import PRELUDE
from .front import PICTURES, Front, has_server

WIDE, NARROW = 1240, 470


def take_picture(page, name):
    PICTURES.mkdir(exist_ok=True)
    for panel in ("readiness", "login", "upload", "studio", "results"):
        page.locator(f".lg-{panel}").first.screenshot(path=str(PICTURES / f"{name}-{panel}.png"))


def overflowing(page):
    """Parts of a panel that stick out of it sideways, with every fold open."""
    page.evaluate("() => document.querySelectorAll('.lg details').forEach((fold) => { fold.open = true; })")
    page.wait_for_timeout(200)
    return page.evaluate(
        """() => [...document.querySelectorAll('.lg')].flatMap((root) => {
        const right = root.getBoundingClientRect().right;
        return [...root.querySelectorAll('*')].filter((el) => el.offsetParent
        && el.getBoundingClientRect().right > right + 1).map((el) => el.outerHTML.slice(0, 80)); }).slice(0, 5)"""
    )


@pytest.mark.parametrize("kind", ["lab", "voila"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_panels_fit_and_follow_the_theme(browser, tmp_path, kind, dark):
    if kind == "voila" and not has_server("voila"):
        pytest.skip("Voilà is not installed beside this notebook server.")
    front = Front(tmp_path / "front", kind, dark=dark, prelude=PRELUDE)
    errors = []
    try:
        page = browser.new_page(viewport={"width": WIDE, "height": 4200})
        page.on("pageerror", lambda error: errors.append(str(error)))
        front.open(page)
        if kind == "lab":
            page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        path = make_idea(tmp_path)
        assert "Saved" in save_idea(page, path)
        wait_heard(page, path.name)
        generate(page)
        play(page)
        assert page.evaluate(LOUDNESS) > 0.003
        themes = page.evaluate("() => [...document.querySelectorAll('.lg')].map((el) => el.dataset.theme)")
        assert set(themes) == {"dark" if dark else "light"}
        name = f"{kind}-{'dark' if dark else 'light'}"
        take_picture(page, f"{name}-wide")
        assert overflowing(page) == []
        page.locator(".lg-loop").first.screenshot(path=str(PICTURES / f"{name}-wide-loop.png"))
        page.click('[data-mode="advanced"]')
        page.wait_for_selector('[data-key="takes"]')
        page.locator(".lg-studio").first.screenshot(path=str(PICTURES / f"{name}-wide-advanced.png"))
        page.set_viewport_size({"width": NARROW, "height": 6000})
        page.wait_for_timeout(500)
        take_picture(page, f"{name}-narrow")
        assert overflowing(page) == []
        page.locator(".lg-loop").first.screenshot(path=str(PICTURES / f"{name}-narrow-loop.png"))
        assert errors == []
    finally:
        front.close()


def test_everything_can_be_reached_with_the_keyboard(page, tmp_path):
    path = make_idea(tmp_path)
    save_idea(page, path)
    wait_heard(page, path.name)
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('.lg :is(button, input:not([hidden]), select, textarea)')].filter((el) =>
        !(el.textContent.trim() || el.ariaLabel || el.title || el.closest('label')))
        .map((el) => el.outerHTML.slice(0, 90))"""
    )
    assert unnamed == []
    page.locator('[data-key="generate"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".lg-loop", timeout=120_000)
    page.locator(".t-play").first.focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".lg-loop.playing")
    page.keyboard.press("3")
    page.keyboard.press("Space")
    page.wait_for_selector(".lg-loop.playing", state="detached")


def test_what_is_being_typed_survives_a_redraw(page):
    field = page.locator('.lg-studio [data-key="genre"]')
    field.click()
    page.keyboard.type("bos")
    page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
        {code: 'from helpers import ui; ui.current().change("bars", 2)'}).done"""
    )
    page.wait_for_function("() => document.querySelectorAll('.t-chord').length === 2")
    assert page.evaluate("() => document.activeElement.dataset.key") == "genre"
    page.keyboard.type("sa")
    assert field.input_value() == "bossa"
    page.keyboard.press("Tab")
    page.wait_for_function("() => document.querySelector('.lg-studio [data-key=genre]').value === 'bossa'")
    genre = page.evaluate(
        """async () => { let text = '';
        const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        const asked = kernel.requestExecute({code: 'print(ui.current().form.genre)'});
        asked.onIOPub = (m) => { text += m.content.text || ''; }; await asked.done; return text.trim(); }"""
    )
    assert genre == "bossa"


def test_a_click_right_after_typing_is_not_lost(page):
    """Leaving a field redraws the panel, perhaps between the press and the release of the next click."""
    page.locator('.lg-studio [data-key="genre"]').fill("techno")
    chip = page.locator('.lg-studio [data-key="instrument-808"]')
    chip.scroll_into_view_if_needed()
    box = chip.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.wait_for_timeout(600)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('.t-instrument').value === '808'")
    assert page.locator('.lg-studio [data-key="genre"]').input_value() == "techno"
