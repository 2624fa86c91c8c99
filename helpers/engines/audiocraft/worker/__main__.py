"""The audiocraft worker: a program of its own that runs Meta's reference MusicGen and speaks JSON lines.

It is started by its folder (``python helpers/engines/audiocraft/worker``) with another interpreter or another path, so
it imports nothing of ours from outside that folder and keeps to Python 3.10. Standard input brings requests, one JSON
object a line; a private copy of standard output takes the answers. Whatever libraries print goes to the log (standard
error).

Requests (``do``) and their answers (``is``); every answer repeats the request's ``id``::

    hello                         -> hello     audiocraft, torch, device, style: the versions and what they can do
    load      model, trusted,     -> loaded    sample_rate, channels, frame_rate, window_seconds, hears_melody
              decoder
    generate  prompt, seconds,    -> progress  stage, done, total      (at least once a step)
              seed, file, ...     -> take      file, sample_rate, channels, samples
    cancel    id of a generate    -> error     kind "cancelled", for that id, within a step
    close, or the end of input    -> the process ends

``model`` is a folder in audiocraft's own layout, a Hub id, or ``debug`` (audiocraft's tiny random model). Weights that
are not ``trusted`` are loaded without running code from them. ``decoder`` is a folder with the MultiBandDiffusion
checkpoint, or null. Audio travels as ``.npy`` files, float32 ``(channels, samples)``.

Anything that fails is answered by ``error`` with a ``kind`` (``request``, ``memory``, ``download``, ``weights``,
``package``, ``cancelled``, ``failed``) and a ``text``; the worker stays usable.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

# Started by its folder, so that these come from beside this file, whatever else is on the path.
from models import Models, WorkerError, classify, free_memory
from stand_ins import register_stand_ins


class Server:
    """Reads requests on a thread of its own, so that a cancel is heard while a take is being made."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self._requests: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled: set[Any] = set()
        self._writing = threading.Lock()
        self._models = Models()

    def answer(self, number: Any, **facts: Any) -> None:
        with self._writing:
            self._answers.write(json.dumps({"id": number, **facts}) + "\n")
            self._answers.flush()

    def listen(self) -> None:
        """Take in requests until the input ends; then end at once, so that no orphan holds the GPU."""
        for line in sys.stdin:
            try:
                request = json.loads(line)
                if not isinstance(request, dict):
                    raise ValueError
            except ValueError:
                self.answer(None, **{"is": "error"}, kind="request", text="not a JSON object")
                continue
            if request.get("do") == "cancel":
                self._cancelled.add(request.get("id"))
            elif request.get("do") == "close":
                break
            else:
                self._requests.put(request)
        os._exit(0)

    def serve(self) -> None:
        threading.Thread(target=self.listen, name="requests", daemon=True).start()
        while True:
            request = self._requests.get()
            number = request.pop("id", None)
            try:
                self._carry_out(number, request)
            except BaseException as error:  # whatever it is, the other side must hear of it
                kind, text = classify(error)
                if kind == "failed":
                    import traceback

                    traceback.print_exc()
                error = error.with_traceback(None)  # its frames hold the tensors that filled the memory
                if "torch" in sys.modules:
                    free_memory()
                self.answer(number, **{"is": "error"}, kind=kind, text=text[:2000])
            finally:
                self._cancelled.discard(number)

    def _carry_out(self, number: Any, request: dict[str, Any]) -> None:
        what = request.pop("do", None)
        if what == "hello":
            register_stand_ins()
            self.answer(number, **{"is": "hello"}, **self._models.hello())
        elif what == "load":
            self.answer(number, **{"is": "loaded"}, **self._models.load(**request))
        elif what == "generate":

            def step(stage: str, done: int, total: int) -> None:
                if number in self._cancelled:
                    raise WorkerError("cancelled", "cancelled")
                self.answer(number, **{"is": "progress"}, stage=stage, done=done, total=total)

            step("Reading the words", 0, 1)
            self.answer(number, **{"is": "take"}, **self._models.generate(step, **request))
        else:
            raise WorkerError("request", f"{what!r} is not a request")


def main(arguments: list[str]) -> int:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    if arguments == ["--check"]:
        register_stand_ins()
        answers.write(json.dumps(Models().hello()) + "\n")
        answers.flush()
        return 0
    Server(answers).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
