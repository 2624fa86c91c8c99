"""The panels in light and dark, wide and narrow, in JupyterLab and as a Voilà page; pictures are kept."""

import pytest

from .actions import (
    LOUDNESS,
    counts,
    generate,
    holds,
    kernel_says,
    knows,
    make_idea,
    play,
    save_idea,
    steady,
    until,
    wait_heard,
)
from .front import PICTURES

WIDE, NARROW = {"width": 1240, "height": 4200}, {"width": 400, "height": 6000}
PANELS = ("readiness", "login", "upload", "studio", "results")


def take_pictures(page, name):
    PICTURES.mkdir(exist_ok=True)
    steady(page, "() => [...document.querySelectorAll('.lg')].map((root) => root.offsetHeight)")
    for panel in PANELS:
        page.locator(f".lg-{panel}").first.screenshot(path=str(PICTURES / f"{name}-{panel}.png"))
    page.locator(".lg-loop").first.screenshot(path=str(PICTURES / f"{name}-loop.png"))


def overflowing(page):
    """Parts of a panel that stick out of it sideways, with every fold open."""
    page.evaluate("() => document.querySelectorAll('.lg details').forEach((fold) => { fold.open = true; })")
    return steady(
        page,
        """() => [...document.querySelectorAll('.lg')].flatMap((root) => {
        const right = root.getBoundingClientRect().right;
        return [...root.querySelectorAll('*')].filter((el) => el.offsetParent
        && el.getBoundingClientRect().right > right + 1).map((el) => el.outerHTML.slice(0, 80)); }).slice(0, 5)""",
    )


def serious(page):
    """What axe, the accessibility checker, calls serious or critical in our panels."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = ", ".join(f".lg-{panel}" for panel in PANELS)
    found = [v for v in axe.Axe().run(page, context=context).response["violations"] if v["impact"] in HEAVY]
    return [(v["id"], v["nodes"][0]["html"][:120], v["nodes"][0]["failureSummary"][:200]) for v in found]


HEAVY = ("serious", "critical")


@pytest.mark.parametrize("kind", ["lab", "voila"])
def test_the_panels_fit_and_follow_the_theme(browser, tmp_path, kind, request):
    front = request.getfixturevalue(kind)
    errors = []
    page = browser.new_context(viewport=WIDE).new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    front.open(page)
    if kind == "lab":
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    path = make_idea(tmp_path)
    assert "Saved" in save_idea(page, path)
    wait_heard(page, path.name)
    generate(page)
    play(page)
    assert page.evaluate(LOUDNESS) > 0.003
    page.keyboard.press("Escape")
    for theme in ("light", "dark"):
        if theme == "dark" and kind == "voila":
            front.open(page, "&theme=dark")
            page.wait_for_selector(".lg-loop")
            wait_heard(page, path.name)
        elif theme == "dark":
            page.evaluate(
                "() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
            )
        until(page, "(theme) => [...document.querySelectorAll('.lg')].every((el) => el.dataset.theme === theme)", theme)
        for name, size in (("wide", WIDE), ("narrow", NARROW)):
            page.set_viewport_size(size)
            page.click('[data-mode="normal"]')
            page.wait_for_selector(".t-advanced", state="detached")
            take_pictures(page, f"{kind}-{theme}-{name}")
            page.click('[data-mode="advanced"]')
            page.wait_for_selector('[data-key="takes"]')
            page.locator(".lg-studio").first.screenshot(path=str(PICTURES / f"{kind}-{theme}-{name}-advanced.png"))
            assert overflowing(page) == []
        assert serious(page) == []
        page.evaluate("() => document.querySelectorAll('.lg details').forEach((fold) => { fold.open = false; })")
    assert errors == []
    page.context.close()


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
    page.wait_for_selector(".lg-studio .lg-job[aria-busy=false] .lg-notice")
    page.locator(".t-play").first.focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".lg-loop.playing")
    page.keyboard.press("3")
    page.keyboard.press("Space")
    page.wait_for_selector(".lg-loop.playing", state="detached")


def test_a_screen_reader_is_told_panels_headings_and_what_a_press_would_do(page):
    told = page.evaluate(
        """() => [...document.querySelectorAll('section.lg')].map((root) => [root.ariaLabel,
        [...root.querySelectorAll('h1, h2, h3, h4')].map((head) => head.tagName)])"""
    )
    assert len({label for label, _ in told}) == len(PANELS) and all(label for label, _ in told)
    assert all(tags[0] == "H3" and set(tags) <= {"H3", "H4"} for _, tags in told if tags), "below the notebook's h2"
    keep = page.locator('.lg-loop [data-key^="keep-"]').first
    assert keep.get_attribute("aria-label").startswith("Keep: ") and keep.get_attribute("aria-pressed") == "false"
    keep.click()
    page.wait_for_selector('.lg-loop [data-key^="keep-"][aria-pressed="true"][aria-label^="Kept: "]')
    field = page.locator(".lg-upload input[type=file]")
    assert "Saved" in page.inner_text(f"#{field.get_attribute('aria-describedby')}"), "what is said goes with its field"


def test_what_is_being_typed_survives_a_redraw(page):
    field = page.locator('.lg-studio [data-key="genre"]')
    field.click()
    page.keyboard.type("bos")
    kernel_says(page, "ui.current().change('bars', 2)")
    counts(page, ".t-chord", 2)
    assert kernel_says(page, "ui.current().form.genre") == "None", "half a word is not sent"
    assert page.evaluate("() => document.activeElement.dataset.key") == "genre"
    page.keyboard.type("sa")
    holds(page, {".lg-studio [data-key=genre]": "bossa"})
    page.keyboard.press("Tab")
    knows(page, "ui.current().form.genre", "bossa")


def test_a_click_right_after_typing_is_not_lost(page):
    """Leaving a field redraws the panel, perhaps between the press and the release of the next click."""
    page.locator('.lg-studio [data-key="instrument-808"]').scroll_into_view_if_needed()
    page.locator('.lg-studio [data-key="genre"]').fill("techno")
    x, y = steady(
        page,
        """() => { const chip = document.querySelector('[data-key="instrument-808"]').getBoundingClientRect();
        return [chip.x + 10, chip.y + 10]; }""",
    )
    page.mouse.move(x, y)
    page.mouse.down()
    knows(page, "ui.current().form.genre", "techno")
    page.mouse.up()
    page.wait_for_selector('[data-key="instrument-808"][aria-checked="true"]')
    holds(page, {".lg-studio [data-key=genre]": "techno"})
