"""Sounds behind the entries: read on demand, a few kept in memory, gone when their idea is."""

import numpy as np

from helpers.sound.audio import write_wav
from helpers.ui.library import MOST_IDEAS_IN_MEMORY, Library
from helpers.ui.state import State
from helpers.ui.uploader import store_idea
from tests import signals


def test_memory_holds_the_last_few_ideas_and_none_that_was_removed(tmp_path):
    state = State(tmp_path / "loops")
    library = Library(state)
    for number in range(MOST_IDEAS_IN_MEMORY + 2):
        path = tmp_path / f"{number}.wav"
        tone = 0.3 * np.sin(2 * np.pi * (200 + 50 * number) * np.arange(44_100) / 44_100)
        write_wav(path, signals.clip_of(tone.astype(np.float32)))
        library.keep(*store_idea(state, path, path.name))
    assert list(library._ideas) == [entry.id for entry in state.ideas[-MOST_IDEAS_IN_MEMORY:]]
    assert library.idea(state.ideas[0]).clip.seconds == 1.0, "read again from its file"
    assert list(library._ideas)[-1] == state.ideas[0].id and len(library._ideas) == MOST_IDEAS_IN_MEMORY
    library.forget(state.ideas[0].id)
    assert state.ideas[0].id not in library._ideas
