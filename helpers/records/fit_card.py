"""The proof of a loop."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FitCard:
    """The proof, measured on the finished file. Field meanings: README, "The fit card".

    ``None`` is "could not be measured" and ``reasons`` says why; ``verdict`` is ``pass``, ``corrected`` or ``failed``.
    """

    samples: int
    samples_expected: int
    bpm_requested: float
    bpm_measured: float | None
    tempo_error_percent: float | None
    grid_error_ms: float | None
    downbeat_offset_ms: float | None
    key_requested: str | None
    key_measured: str | None
    key_score: float | None
    in_key_share: float | None
    chord_agreement: float | None
    seam: float | None
    purity: float | None
    purity_parts: dict[str, float]
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    corrections: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        out = dataclasses.asdict(self)
        for name in ("corrections", "reasons"):
            out[name] = list(out[name])
        return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in out.items()} | {
            "purity_parts": {k: round(v, 4) for k, v in self.purity_parts.items()}
        }
