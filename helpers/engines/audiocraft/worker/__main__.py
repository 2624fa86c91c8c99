"""The audiocraft worker: a program of its own that makes takes with Meta's reference MusicGen and ends.

    python helpers/engines/audiocraft/worker REQUEST.json      # or --check: import audiocraft, say its version

It is started by its folder with another path or another interpreter, so it imports nothing of helpers from outside it.
REQUEST.json holds the arguments of :func:`make_takes`. A take is written as ``.npy``, float32 ``(channels, samples)``;
progress is a line ``progress<TAB>stage<TAB>done<TAB>total`` on standard error; whatever libraries print goes there
too, and the traceback of an error. Last, ``answer.json`` beside the request says what was used (``audiocraft``,
``torch``, ``window_seconds`` ...). It ends when its owner does, so that no orphan holds the GPU.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Started by its folder, so that this comes from beside this file, whatever else is on the path.
from stand_ins import register_stand_ins

DECODER_FILE = "mbd_musicgen_32khz.th"


def make_takes(
    *,
    model: str,
    trusted: bool,
    decoder: str | None,
    takes: list[dict[str, Any]],
    prompt: str,
    seconds: float,
    guidance: float,
    temperature: float,
    top_k: int,
    top_p: float,
    stride_seconds: float,
    guide: str | None,
    lead_seconds: float,
) -> dict[str, Any]:
    """Make one take of ``seconds`` for each ``{"seed": int, "file": str}`` of ``takes``.

    ``model`` is a folder in audiocraft's own layout, or ``debug`` (audiocraft's tiny random model); code in the weights
    may run only if they are ``trusted``, as Meta's own are. ``decoder``: a folder with the MultiBandDiffusion
    checkpoint, to decode with it. ``guide``: an ``.npy`` file with one loop; a melody model follows it, any other model
    continues its last ``lead_seconds`` (rounded up to whole codec frames), which are cut off the take again. What is
    beyond the model's window is made by windows, ``stride_seconds`` apart.
    """
    import numpy as np
    import torch

    loaded, diffusion = _load(model, trusted, decoder)
    sample_rate = int(loaded.sample_rate)
    melody = "self_wav" in loaded.lm.condition_provider.conditioners
    heard, lead = None, 0
    if guide is not None:
        heard = torch.from_numpy(np.load(guide, allow_pickle=False)).float()
        if not melody:
            frame = round(sample_rate / float(loaded.frame_rate))
            lead = math.ceil(round(lead_seconds * sample_rate) / frame) * frame
            heard = heard.repeat(1, math.ceil(lead / heard.shape[1]))[:, -lead:]
    loaded.set_generation_params(
        duration=seconds + lead / sample_rate,
        cfg_coef=guidance,
        temperature=temperature,
        top_k=min(top_k, loaded.lm.card),  # more tokens than there are would be refused
        top_p=top_p,
        extend_stride=min(stride_seconds, loaded.max_duration - 1.0),
    )
    steps = _planned_steps(loaded, seconds + lead / sample_rate)
    say("Reading the words", 0, 1)
    for take in takes:
        done = iter(range(1, 1 << 60))
        loaded.set_custom_progress_callback(lambda *_, done=done: say("Sampling", min(next(done), steps), steps))
        torch.manual_seed(take["seed"])
        random.seed(take["seed"])  # the stem separator of the melody models shifts its input by a random amount
        asked: dict[str, Any] = {"progress": True, "return_tokens": True}
        with torch.no_grad():  # the library forgets it in the diffusion decoder, which would then keep every step
            if heard is None:
                audio, tokens = loaded.generate([prompt], **asked)
            elif melody:
                audio, tokens = loaded.generate_with_chroma([prompt], [heard], sample_rate, **asked)
            else:
                audio, tokens = loaded.generate_continuation(heard[None], sample_rate, [prompt], **asked)
            if diffusion is not None:
                audio = _diffuse(diffusion, tokens)
        samples = audio[0, :, lead:].float().cpu().numpy()
        np.save(take["file"], np.ascontiguousarray(samples, dtype=np.float32))
    return {"sample_rate": sample_rate, "window_seconds": float(loaded.max_duration), "melody": melody}


def _load(model: str, trusted: bool, decoder: str | None) -> tuple[Any, Any]:
    """The model, and MultiBandDiffusion on its codec (or None)."""
    import torch
    from audiocraft.models import MusicGen

    device = "cuda" if torch.cuda.is_available() else "cpu"
    (torch.zeros(1, device=device) + 1).cpu()  # a GPU this torch has no kernels for says so here
    torch.manual_seed(0)  # the debug model's weights are random
    os.environ[f"TORCH_FORCE_{'NO_' if trusted else ''}WEIGHTS_ONLY_LOAD"] = "1"
    loaded = MusicGen.get_pretrained(model, device=device)
    return loaded, None if decoder is None else _diffusion_decoder(decoder, loaded.compression_model, device)


def _diffusion_decoder(folder: str, codec: Any, device: str) -> Any:
    """MultiBandDiffusion on the codec that is loaded already, as the library's own loader builds it."""
    from audiocraft.models.loaders import load_diffusion_models
    from audiocraft.models.multibanddiffusion import DiffusionProcess, MultiBandDiffusion
    from audiocraft.modules.diffusion_schedule import NoiseSchedule

    models, processors, configs = load_diffusion_models(folder, filename=DECODER_FILE, device=device)
    processes = [
        DiffusionProcess(model, NoiseSchedule(**config.schedule, sample_processor=processor, device=device))
        for model, processor, config in zip(models, processors, configs, strict=True)
    ]
    return MultiBandDiffusion(DPs=processes, codec_model=codec)


def _diffuse(decoder: Any, tokens: Any) -> Any:
    """Decode with MultiBandDiffusion, counting the calls of its networks."""
    steps = len(decoder.DPs) * len(range(1000)[::-50])  # the library's default step list
    done = iter(range(1 << 60))
    hooks = [
        process.model.register_forward_pre_hook(lambda *_: say("Decoding by diffusion", min(next(done), steps), steps))
        for process in decoder.DPs
    ]
    try:
        return decoder.tokens_to_wav(tokens)
    finally:
        for hook in hooks:
            hook.remove()


def _planned_steps(model: Any, seconds: float) -> int:
    """Model calls for a take: a frame each, and a few more in each window for the delay between codebooks."""
    windows = 1 + max(0, math.ceil((seconds - float(model.max_duration)) / float(model.extend_stride)))
    return int(seconds * model.frame_rate) + windows * int(model.lm.num_codebooks)


def say(stage: str, done: int, total: int) -> None:
    print(f"progress\t{stage}\t{done}\t{total}", file=sys.stderr, flush=True)


def _end_with_owner() -> None:
    """End this process when the one that started it is gone."""
    owner = os.getppid()

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="owner", daemon=True).start()


def main(argument: str) -> None:
    _end_with_owner()
    os.dup2(2, 1)  # what libraries print is not part of the answer
    register_stand_ins()
    import audiocraft
    import torch
    from audiocraft.models import MusicGen  # noqa: F401  most of what can be missing is missed here

    print(f"audiocraft {audiocraft.__version__} on torch {torch.__version__} imports.", file=sys.stderr, flush=True)
    if argument != "--check":
        answer = make_takes(**json.loads(Path(argument).read_text(encoding="utf-8")))
        answer |= {"audiocraft": audiocraft.__version__, "torch": torch.__version__}
        Path(argument).with_name("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
