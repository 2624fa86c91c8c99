"""The notebook as a page that Voilà serves: nobody's music in another's page, nothing that only an owner needs."""

from .actions import counts, generate, holds, make_idea, save_idea, set_field, until, wait_heard


def visit(browser, voila):
    page = browser.new_context(viewport={"width": 1240, "height": 1600}).new_page()
    voila.open(page)
    return page


def upload(page, path):
    save_idea(page, path)
    wait_heard(page, path.name)


def loops(page):
    return page.evaluate("() => [...document.querySelectorAll('.lg-loop')].map((el) => el.dataset.loop).sort()")


def test_two_visitors_of_five_actions_each_neither_see_nor_lose_anything(browser, voila, tmp_path):
    instruments = {"ann": "flute", "bob": "drum kit"}
    ideas = {name: make_idea(tmp_path, bpm=bpm) for name, bpm in (("ann", 100.0), ("bob", 120.0))}
    ideas = {name: path.rename(path.with_name(f"{name}.wav")) for name, path in ideas.items()}
    people = {name: visit(browser, voila) for name in instruments}
    for name, page in people.items():  # each action of one is followed by the other's
        assert page.locator(".lg-idea").count() == 0, "a fresh page, whoever was here before"
        upload(page, ideas[name])
    for name, page in people.items():
        page.click(f'[data-key="instrument-{instruments[name]}"]')
        page.wait_for_selector(f'[data-key="instrument-{instruments[name]}"][aria-checked="true"]')
        generate(page)
    for page in people.values():
        page.locator('.lg-loop [data-key^="keep-"]').first.click()
        page.wait_for_selector(".t-stackcard")
    for name, page in people.items():
        set_field(page, "key", "E minor" if name == "ann" else "F minor")
        page.wait_for_selector('[data-key="undo-key"]')
    for page in people.values():
        page.locator('.lg-loop [data-key^="discard-"]').last.click()
        page.wait_for_selector('[data-key="undo-0"]')
    before = {name: loops(page) for name, page in people.items()}
    for name, page in people.items():
        voila.open(page)
        counts(page, ".t-stackcard .lg-stackrow", 2)
        wait_heard(page, f"{name}.wav")
        other = "bob" if name == "ann" else "ann"
        text = page.inner_text("body")
        assert f"{name}.wav" in text and f"{other}.wav" not in text
        assert loops(page) == before[name] and len(before[name]) == 2
        assert all(instruments[name].replace(" ", "-") in loop for loop in before[name])
        holds(page, {".t-key": "E minor" if name == "ann" else "F minor"})
        assert str(voila.root) not in text, "the server's folders are nobody's business"
        assert page.locator(".lg-readiness input, .lg-login input").count() == 0, "nothing to install or log in to"
        assert "@title" not in text and page.locator("h2").count() >= 3, "headings, and no code"
        assert "Start at UPLOAD" in text and "cells" not in text, "no words that mean something in a notebook alone"
        page.context.close()


def test_a_page_that_is_wide_or_narrow_is_used(browser, voila):
    page = visit(browser, voila)
    for width in (400, 1920):
        page.set_viewport_size({"width": width, "height": 1000})
        until(
            page,
            """(width) => { const panel = document.querySelector('.lg-studio').getBoundingClientRect();
            return innerWidth === width && panel.width > 0.75 * width && panel.right <= width
            && Math.abs(panel.left - (width - panel.right)) <= 0.02 * width
            && document.documentElement.scrollWidth <= width + 1; }""",
            width,
        )
    page.context.close()
