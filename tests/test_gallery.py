"""The gallery is one page that holds what it plays."""

import re

from examples.gallery import IDEAS, INSTRUMENTS, build


def test_a_small_gallery_is_whole(tmp_path):
    page = build(tmp_path, 1, 1).read_text(encoding="utf-8")
    files = re.findall(r'src="([^"]+)"', page)
    assert len(files) == 1 + 2 * 3 and all((tmp_path / name).stat().st_size > 1000 for name in files)
    assert page.count("<article>") == 2 and page.count("fit card") == 2


def test_it_has_six_ideas_and_eight_instruments():
    assert len(IDEAS.strip().splitlines()) == 6 and len(INSTRUMENTS) == 8
