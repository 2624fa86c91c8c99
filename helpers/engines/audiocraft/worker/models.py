"""The one MusicGen that is loaded in the worker, and what can be done with it. Runs on Python 3.10 and later."""

from __future__ import annotations

import importlib
import math
import os
import random
import sys
from typing import Any

PROTOCOL = 1
STYLE_GUIDANCE = 5.0
DECODER_FILE = "mbd_musicgen_32khz.th"
_NETWORK_PACKAGES = ("requests", "urllib", "urllib3", "httpx", "httpx2", "httpcore", "huggingface_hub")


class WorkerError(Exception):
    """A failure with a kind the other side knows."""

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = kind


class Models:
    """The one model that is loaded, and what can be done with it."""

    def __init__(self) -> None:
        self.loaded: Any = None
        self.decoder: Any = None

    def hello(self) -> dict[str, Any]:
        import torch

        audiocraft = importlib.import_module("audiocraft")
        from audiocraft.models import MusicGen

        cuda = torch.cuda.is_available()
        return {
            "protocol": PROTOCOL,
            "audiocraft": audiocraft.__version__,
            "torch": torch.__version__,
            "python": ".".join(str(part) for part in sys.version_info[:3]),
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "style": hasattr(MusicGen, "set_style_conditioner_params"),
        }

    def load(self, *, model: str, trusted: bool = False, decoder: str | None = None) -> dict[str, Any]:
        """Load a model (and the diffusion decoder) in place of the one that is loaded."""
        import torch
        from audiocraft.models import MusicGen

        self.loaded = self.decoder = None
        free_memory()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        (torch.zeros(1, device=device) + 1).cpu()  # a GPU this torch has no kernels for says so here
        with_code = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"} if trusted else {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}
        os.environ.update(with_code)
        try:
            loaded = MusicGen.get_pretrained(model, device=device)
            if decoder is not None:
                self.decoder = _diffusion_decoder(decoder, loaded.compression_model, device)
        finally:
            for name in with_code:
                os.environ.pop(name, None)
        self.loaded = loaded
        return {
            "sample_rate": int(loaded.sample_rate),
            "channels": int(loaded.audio_channels),
            "window_seconds": float(loaded.max_duration),
            "frame_rate": float(loaded.frame_rate),
            "hears_melody": "self_wav" in loaded.lm.condition_provider.conditioners,
        }

    def generate(
        self,
        step: Any,
        *,
        prompt: str,
        seconds: float,
        seed: int,
        file: str,
        guidance: float = 3.0,
        temperature: float = 1.0,
        top_k: int = 250,
        top_p: float = 0.0,
        stride_seconds: float = 18.0,
        melody: str | None = None,
        continued: str | None = None,
        audio_rate: int = 0,
        style: dict[str, Any] | None = None,
        diffusion: bool = False,
    ) -> dict[str, Any]:
        """Make one take; ``step(stage, done, total)`` is called at least once a step and raises to cancel.

        ``melody`` and ``continued`` name ``.npy`` files at ``audio_rate``. A continuation's take begins with the audio
        that was continued. ``seconds`` beyond the model's window are made by windows, ``stride_seconds`` apart.
        """
        import numpy as np
        import torch

        model = self.loaded
        if model is None:
            raise WorkerError("request", "no model is loaded")
        if diffusion and self.decoder is None:
            raise WorkerError("request", "the diffusion decoder is not loaded")
        model.set_generation_params(
            duration=seconds,
            cfg_coef=guidance,
            temperature=temperature,
            top_k=min(top_k, model.lm.card),  # more tokens than there are would be refused
            top_p=top_p,
            extend_stride=min(stride_seconds, model.max_duration - 1.0),
        )
        if style is not None:  # words against style: the double guidance of arXiv 2407.12563, section 4.3
            model.set_style_conditioner_params(**style)
            model.generation_params["cfg_coef_beta"] = STYLE_GUIDANCE
        total, done = planned_steps(model, seconds), 0

        def counted(*_: Any) -> None:
            nonlocal done
            done += 1
            step("Sampling", min(done, total), total)

        model.set_custom_progress_callback(counted)
        torch.manual_seed(seed)
        random.seed(seed)  # the stem separator of the melody models shifts its input by a random amount
        asked: dict[str, Any] = {"progress": True, "return_tokens": True}
        with torch.no_grad():  # the library forgets it in the diffusion decoder, which would then keep every step
            if melody is not None:
                audio, tokens = model.generate_with_chroma([prompt], [_read(melody)], audio_rate, **asked)
            elif continued is not None:
                audio, tokens = model.generate_continuation(_read(continued)[None], audio_rate, [prompt], **asked)
            else:
                audio, tokens = model.generate([prompt], **asked)
            if diffusion:
                audio = self._diffuse(tokens, step)
        samples = audio[0].float().cpu().numpy()
        np.save(file + ".part.npy", np.ascontiguousarray(samples, dtype=np.float32))
        os.replace(file + ".part.npy", file)
        channels, count = samples.shape
        return {"file": file, "sample_rate": int(model.sample_rate), "channels": channels, "samples": count}

    def _diffuse(self, tokens: Any, step: Any) -> Any:
        """Decode with MultiBandDiffusion, counting the calls of its networks."""
        steps = len(range(1000)[::-50])  # the library's default step list
        total, done = len(self.decoder.DPs) * steps, 0

        def before(*_: Any) -> None:
            nonlocal done
            step("Decoding by diffusion", min(done, total), total)
            done += 1

        hooks = [process.model.register_forward_pre_hook(before) for process in self.decoder.DPs]
        try:
            return self.decoder.tokens_to_wav(tokens)
        finally:
            for hook in hooks:
                hook.remove()


def planned_steps(model: Any, seconds: float) -> int:
    """Model calls for a take: a frame each, and a few more in each window for the delay between codebooks."""
    window, stride = float(model.max_duration), float(model.extend_stride)
    windows = 1 + max(0, math.ceil((seconds - window) / stride))
    return int(seconds * model.frame_rate) + windows * int(model.lm.num_codebooks)


def _diffusion_decoder(folder: str, codec: Any, device: str) -> Any:
    """MultiBandDiffusion on the codec that is loaded already, as the library's own loader builds it."""
    from audiocraft.models.loaders import load_diffusion_models
    from audiocraft.models.multibanddiffusion import DiffusionProcess, MultiBandDiffusion
    from audiocraft.modules.diffusion_schedule import NoiseSchedule

    models, processors, configs = load_diffusion_models(folder, filename=DECODER_FILE, device=device)
    processes = [
        DiffusionProcess(model, NoiseSchedule(**config.schedule, sample_processor=processor, device=device))
        for model, processor, config in zip(models, processors, configs)  # noqa: B905  Python 3.10 has no need of it
    ]
    return MultiBandDiffusion(DPs=processes, codec_model=codec)


def _read(file: str) -> Any:
    import numpy as np
    import torch

    return torch.from_numpy(np.load(file, allow_pickle=False)).float()


def free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def classify(error: BaseException) -> tuple[str, str]:
    """The kind of a failure and its text."""
    if isinstance(error, WorkerError):
        return error.kind, str(error)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    low = text.lower()
    if isinstance(error, MemoryError) or "out of memory" in low or "can't allocate memory" in low:
        return "memory", text
    if "weights_only" in low or "no kernel image" in low:
        return "weights" if "weights_only" in low else "package", text
    families = {base.__module__.split(".")[0] for base in type(error).__mro__}
    if families & set(_NETWORK_PACKAGES) or "offline mode" in low or "couldn't connect" in low:
        return "download", text
    if isinstance(error, ImportError):
        return "package", text
    if isinstance(error, TypeError) and "Models." in text:  # an argument of ours is missing or unknown
        return "request", text
    return "failed", text
