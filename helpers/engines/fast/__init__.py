"""The models as they are loaded, their sampling steps run faster than their libraries run them, on the same weights.

The modules here import torch and the libraries, so an engine names its model's class and imports it while loading:

- :mod:`.streams`: one counter-based random stream a take (no torch until a tensor is asked for).
- :mod:`.graphs`: a step captured as a CUDA graph, with the plain step where that is impossible, saying which ran.
- :mod:`.sampling`: diffusion samplers around a captured call of the model.
- :mod:`.stable_audio`, :mod:`.oobleck`, :mod:`.stable_audio_tools`: Stable Audio Open, Foundation-1.
- :mod:`.audioldm2`: AudioLDM2; :mod:`.ace_step`: ACE-Step, through its pipeline.
- :mod:`.musicgen`, :mod:`.musicgen_step`: MusicGen, mono, stereo and melody.

Everything is of one of two kinds. *Same distribution*: other order of the same arithmetic, or other draws of the same
law; always on. *Other distribution*: fewer steps, a shorter canvas, another model size; only in a preset or option,
and always with a label (:mod:`..options`).
"""
