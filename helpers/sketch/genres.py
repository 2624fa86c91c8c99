# ruff: noqa: E501  the tables read best with one genre a line
"""What a genre means to each role, and what a mood or a word of style changes.

A genre names styles of :mod:`cells` and :mod:`kits`; several are a choice. ``colour`` is how far chords are stacked:
0 triads, 1 sevenths now and then, 2 sevenths and ninths. ``swing`` is the share of an eighth pair (or, for genres whose
pulse is the sixteenth, of a sixteenth pair) that the first note takes. ``native`` is the tempo range the cells are felt in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Genre:
    """Pattern families of one genre; see the module's head for the fields."""

    name: str
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    guitar: tuple[str, ...]
    pad: tuple[str, ...]
    lead: tuple[str, ...]
    gate: tuple[str, ...]
    drums: str
    colour: int
    swing: float
    swing_unit: int  # sixteenths in the swung pair's unit: 2 for eighths, 1 for sixteenths
    native: tuple[float, float]
    progressions: str
    words: tuple[str, ...] = ()


# name | bass | chords | guitar | pad | lead | gate | drums | colour | swing/unit | native bpm | progressions | words
_ROWS = """
pop | pop eighths sustained | pop broken block | strum fingers | held swell | singing anthem | eighths threes | pop | 0 | .50/2 | 75-140 | pop | indie pop, synthpop, k-pop, j-pop, schlager, mainstream
rock | rock eighths | pop block | power strum chug | held answer | pentatonic riff | eighths gallop | rock | 0 | .50/2 | 80-180 | rock | indie, indie rock, alternative, grunge, classic rock, garage rock, post-rock
metal | gallop pedal | power block | chug power | held answer | pentatonic busy | sixteenths gallop | metal | 0 | .50/2 | 90-200 | dark | heavy metal, thrash, metalcore, hard rock, djent
punk | eighths rock | pop block | power chug | held answer | anthem riff | eighths | punk | 0 | .50/2 | 80-120 | rock | pop punk, emo, hardcore
blues | blues walking | charleston pop | strum power | held answer | swinging pentatonic | eighths threes | shuffle | 1 | .66/2 | 60-150 | blues | rhythm and blues, blues rock, boogie
jazz | walking | charleston | charleston | held answer | swinging busy | eighths | swing | 2 | .64/2 | 90-240 | jazz | swing, bebop, cool jazz, smooth jazz, big band, gypsy jazz
bossa nova | bossa | bossa | bossa fingers | held answer | latin swinging | eighths | bossa | 2 | .50/2 | 100-160 | jazz | bossa, latin jazz
samba | samba | bossa montuno | bossa strum16 | held answer | latin syncopated | sixteenths | samba | 1 | .53/1 | 85-130 | jazz | batucada, pagode, mpb
funk | funk octaves | funk stabs | strum16 funk | held answer | syncopated pentatonic | gated sixteenths | funk | 2 | .54/1 | 84-128 | funk | p-funk, boogie funk, funky
disco | octaves funk | funk offbeat | strum16 funk | swell held | syncopated anthem | sixteenths gallop | disco | 1 | .50/2 | 100-136 | funk | nu disco, italo disco, french house
soul | soul pop | gospel pop broken | strum fingers charleston | held swell | singing syncopated | eighths | soul | 1 | .54/1 | 66-130 | soul | motown, neo soul, neo-soul, r and b soul
rnb | lofi trap soul | rnb gospel | fingers charleston | held swell | singing syncopated | sparse threes | trap | 2 | .54/1 | 110-170 | soul | r&b, r'n'b, contemporary r&b, alternative r&b, slow jam
gospel | soul walking | gospel | fingers strum | held swell | singing anthem | eighths | soul | 2 | .58/1 | 60-130 | soul | worship, choir gospel, spiritual
hip hop | hiphop lofi | hiphop lofi stabs | fingers charleston | held swell | bounce sparse | sparse threes | boombap | 1 | .56/1 | 70-108 | minor loop | hip-hop, hiphop, boom bap, rap, old school hip hop, east coast
lo-fi | lofi hiphop | lofi rnb broken | fingers charleston | held swell | sparse singing | sparse eighths | lofi | 2 | .58/1 | 62-98 | jazz | lofi, lo-fi hip hop, lofi hip hop, chillhop, study beats, chill
trap | trap | held block hiphop | fingers | held swell | bounce | threes sparse | trap | 0 | .50/1 | 110-175 | minor loop | southern hip hop, cloud rap, phonk, trap soul, rage
drill | drill | held stabs | fingers | held answer | bounce sparse | threes sparse | drill | 0 | .50/1 | 125-160 | minor loop | uk drill, grime
house | offbeat octaves garage | house offbeat | house strum16 | pulse swell | stabby syncopated | gated eighths offbeat | four | 1 | .53/1 | 110-134 | house | deep house, tech house, progressive house, chicago house, electro house, future house, dance, edm, slap house, melodic house
techno | techno rolling pedal | stabs offbeat | house | pulse swell | stabby | gated sixteenths offbeat | techno | 0 | .50/1 | 118-160 | modal | minimal, minimal techno, detroit techno, acid techno, industrial techno, hardgroove, electro
acid | acid techno | stabs house | house | pulse | stabby riff | sixteenths gated | techno | 0 | .52/1 | 110-150 | modal | acid house, 303
trance | offbeat rolling | trance offbeat | strum | pulse swell | trance anthem | sixteenths gallop threes | four | 0 | .50/1 | 125-150 | epic | uplifting trance, psytrance, goa, eurodance, hands up, hardstyle, rave, big room
drum and bass | dnb halftime | held stabs anticipated | fingers | held swell | long singing | gated sixteenths | dnb | 1 | .50/1 | 155-185 | minor loop | dnb, d&b, drum n bass, drum & bass, jungle, liquid, liquid drum and bass, neurofunk
dubstep | dubstep halftime | held stabs | power | held swell | riff long | threes gated | dubstep | 0 | .50/1 | 130-150 | dark | brostep, riddim, bass music, future bass, wobble
uk garage | garage | house stabs rnb | house | swell held | stabby syncopated | gated offbeat | garage | 1 | .58/1 | 124-140 | house | garage, 2-step, two-step, speed garage, bassline, future garage
breakbeat | funk dnb | stabs house | funk | held answer | syncopated riff | gated sixteenths | breakbeat | 0 | .52/1 | 105-150 | minor loop | big beat, breaks, breakcore, trip hop fast
trip hop | lofi halftime dub | lofi stabs | fingers | held swell | sparse long | sparse | boombap | 1 | .54/1 | 68-104 | dark | trip-hop, downtempo, chillout, electronica
reggae | reggae dub | skank bubble | skank | held answer | offbeat | offbeat | reggae | 0 | .56/2 | 62-100 | pop | roots reggae, ska, rocksteady, lovers rock
dub | dub reggae | skank stabs | skank | held swell | offbeat sparse | sparse offbeat | reggae | 0 | .55/2 | 62-100 | modal | dub reggae, dub techno
reggaeton | dembow | dembow stabs | dembow fingers | held answer | bounce latin | threes gated | dembow | 0 | .50/1 | 84-112 | minor loop | dembow, latin pop, dancehall, moombahton, latin trap, perreo
salsa | tumbao | montuno | montuno | held answer | latin busy | sixteenths | latin | 1 | .50/1 | 84-132 | funk | latin, son, mambo, cumbia, timba, merengue, cuban
afrobeat | afro funk | bubble funk | strum16 fingers | held answer | latin syncopated | gated threes | afro | 1 | .53/1 | 92-126 | funk | afrobeats, afropop, highlife, afro house, afro, world
amapiano | amapiano | rnb house | fingers | swell held | stabby sparse | gated sparse | amapiano | 2 | .53/1 | 106-118 | house | gqom, kwaito, log drum
country | country pop | pop broken | travis strum | held answer | pentatonic singing | eighths | train | 0 | .50/2 | 84-140 | pop | americana, bluegrass, western, country pop, honky tonk
folk | country sustained | broken ballad | travis fingers strum | held answer | singing | eighths quarters | train | 0 | .50/2 | 70-140 | pop | singer-songwriter, acoustic, celtic, irish, indie folk, traditional
ballad | sustained pop | broken ballad block | fingers | held swell | singing sparse | eighths | pop | 1 | .50/2 | 55-90 | pop | piano ballad, slow, love song
synthwave | synthwave eighths pedal | block pop held | strum | pulse held | anthem trance | sixteenths eighths gallop | synthwave | 0 | .50/2 | 80-125 | epic | retrowave, outrun, 80s, eighties, vaporwave, new wave, darkwave
ambient | drone sustained | held block | fingers | held rise swell | long | sparse quarters | ambient | 1 | .50/2 | 60-120 | modal | drone, space, new age, meditation, soundscape, atmospheric, shoegaze
cinematic | sustained pedal eighths | block broken held | fingers | swell rise held | long anthem | eighths sixteenths gallop | cinematic | 0 | .50/2 | 60-150 | epic | film, score, soundtrack, epic, orchestral, trailer, game
classical | sustained country | broken ballad | fingers | held swell | singing busy | eighths sixteenths | march | 0 | .50/2 | 60-150 | classical | baroque, romantic, chamber, opera, neoclassical, piano solo
electronic | offbeat techno synthwave | house stabs trance | house | pulse swell | riff trance | gated sixteenths eighths | four | 0 | .50/1 | 100-150 | epic | electronica, idm, electro pop, electropop, glitch, experimental
"""
PLAIN = "pop"  # where neither the musician nor the idea tells a genre
LEAST_GUESS = 0.35


def _genre(row: str) -> Genre:
    c = [cell.strip() for cell in row.split("|")]
    swing, unit = c[9].split("/")
    low, high = c[10].split("-")
    styles = [tuple(cell.split()) for cell in c[1:7]]
    bass, chords, strum, pads, lead, arpeggio = styles
    words = tuple(w.strip() for w in c[12].split(",") if w.strip())
    return Genre(
        c[0],
        bass,
        chords,
        strum,
        pads,
        lead,
        arpeggio,
        c[7],
        int(c[8]),
        float(swing),
        int(unit),
        (float(low), float(high)),
        c[11],
        words,
    )


GENRES = {g.name: g for g in (_genre(row) for row in _ROWS.strip().splitlines())}
_BY_WORD = {word: g for g in GENRES.values() for word in (*g.words, g.name)}


def find_genre(text: str | None) -> Genre | None:
    """The genre a text names: the longest known word inside it; None when it names none we know."""
    if not text:
        return None
    # Discogs writes "Electronic---House": the part behind the dashes is the style.
    parts = [part.strip() for part in re.split(r"-{2,}|/|,", text.lower()) if part.strip()]
    for part in (re.sub(r"[_\s]+", " ", p) for p in reversed(parts)):
        if part in _BY_WORD:
            return _BY_WORD[part]
        inside = [w for w in _BY_WORD if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", part)]
        if inside:
            return _BY_WORD[max(inside, key=len)]
    return None


# What an idea most likely is where no word says so: tempo, kicks in a bar, onsets a beat, least swing. Kicks of ``-``: any.
_GUESSES = """
house | 114-130 | X...X...X...X... | 1-4 | .5
techno | 131-150 | X...X...X...X... | 1-4.5 | .5
disco | 104-118 | X...X...X...X... | 2-4 | .5
synthwave | 84-112 | X...X...X...X... | 1.5-4 | .5
trap | 125-165 | X.....X...X..... | .5-3 | .5
drum and bass | 160-185 | X.........X..... | 1.5-5 | .5
breakbeat | 112-145 | X.X.......X..X.. | 1.5-4 | .5
hip hop | 76-104 | X..X......X..... | 1-3 | .5
lo-fi | 62-92 | X..X......X..... | .5-2.5 | .56
funk | 90-116 | X.X...X...X..X.. | 2-4.5 | .5
reggaeton | 84-106 | X..XX..XX..XX..X | 1.5-4 | .5
reggae | 62-96 | ........X....... | 1-2.5 | .5
rock | 96-165 | X.......X.X..... | 1.5-3 | .5
pop | 84-132 | X.....X.X....... | 1-3 | .5
soul | 66-100 | X.....X.X..X.... | 1-3 | .5
jazz | 100-240 | - | 1-3.5 | .6
blues | 60-130 | - | 1-3 | .63
ballad | 52-84 | - | .3-2 | .5
ambient | 50-110 | - | 0-1 | .5
folk | 85-130 | - | 1-2.5 | .5
electronic | 105-140 | - | 2.5-6 | .5
"""


def guess_genre(bpm: float, low_accents: np.ndarray, density: float, swing: float) -> Genre | None:
    """The genre that an idea's tempo, kicks (mean low accents by step), onsets a beat and swing speak for.

    None when nothing fits better than by its tempo alone: then nothing was told.
    """
    moved = low_accents - low_accents.mean() if low_accents.size == 16 else np.zeros(16)
    best, chosen = LEAST_GUESS, None
    for row in _GUESSES.strip().splitlines():
        name, tempo, kicks, onsets, least = (c.strip() for c in row.split("|"))
        (slow, fast), (few, many) = (tuple(map(float, c.split("-"))) for c in (tempo, onsets))
        if not slow <= bpm <= fast or swing < float(least):
            continue
        pattern = np.array([float(c == "X") for c in kicks]) if len(kicks) == 16 else np.zeros(16)
        pattern -= pattern.mean()
        norm = float(np.linalg.norm(pattern) * np.linalg.norm(moved))
        score = round(float(pattern @ moved) / norm, 3) if norm else 0.25 * (len(kicks) == 1)
        score += 0.3 * (density > 0 and few <= density <= many) + 0.1 * (float(least) > 0.5)
        if score > best:
            best, chosen = score, GENRES[name]
    return chosen


# ---------------------------------------------------------------------------------------------------------------- moods


@dataclass(frozen=True)
class Mood:
    """How a mood plays: changes to density and syncopation (-1..1), register in semitones, note lengths (factor),
    velocity (added), chord colour (added) and ``bright`` -1 dark .. 1 bright, which picks progressions and contours."""

    density: float = 0.0
    register: int = 0
    legato: float = 1.0
    velocity: int = 0
    colour: int = 0
    syncopation: float = 0.0
    bright: float = 0.0

    def scaled(self, strength: float) -> Mood:
        """The same mood, as strongly as ``strength`` 0..1 says."""
        return Mood(
            density=self.density * strength,
            register=round(self.register * strength),
            legato=self.legato**strength,
            velocity=round(self.velocity * strength),
            colour=round(self.colour * strength),
            syncopation=self.syncopation * strength,
            bright=self.bright * strength,
        )


# mood | density | register | legato | velocity | colour | syncopation | bright | words
_MOODS = """
happy | .15 | 3 | .85 | 4 | 0 | .05 | .8 | joyful, cheerful, fun, upbeat, funny, positive, feel-good, sunny, playful
sad | -.3 | -2 | 1.2 | -14 | 0 | -.1 | -.7 | melancholic, melancholy, sorrow, heartbroken, lonely, tearful
dark | -.1 | -6 | 1.1 | 2 | 0 | 0 | -1 | ominous, sinister, horror, evil, gloomy, heavy, menacing, creepy
calm | -.4 | -1 | 1.3 | -18 | 1 | -.2 | .2 | relaxing, relaxed, peaceful, soft, meditative, chill, chilled, mellow, gentle, quiet, soothing
energetic | .4 | 2 | .75 | 14 | 0 | .15 | .3 | energy, powerful, driving, exciting, fast, party, action, sport, hype, intense, uplifting energy
aggressive | .35 | -3 | .7 | 20 | -1 | .15 | -.5 | angry, hard, brutal, violent, raw
epic | .1 | -1 | 1.2 | 12 | 0 | -.1 | 0 | heroic, dramatic, majestic, trailer, grand, triumphant, drama
dreamy | -.2 | 4 | 1.35 | -12 | 2 | -.1 | .3 | dream, ethereal, floating, hazy, airy, space, spacey, trippy
romantic | -.15 | 0 | 1.2 | -8 | 2 | 0 | .3 | love, sensual, sexy, tender, warm, intimate
groovy | .15 | 0 | .7 | 4 | 1 | .35 | .2 | funky, groove, bouncy, cool, swinging
uplifting | .15 | 4 | 1.0 | 8 | 0 | 0 | .9 | inspiring, hopeful, motivational, hope, optimistic, bright, euphoric
tense | .1 | -4 | .8 | 6 | 0 | .2 | -.8 | suspense, nervous, mysterious, mystery, anxious, thriller
nostalgic | -.1 | 1 | 1.1 | -6 | 1 | 0 | -.1 | retro, wistful, bittersweet, emotional, reflective, sentimental
"""
NEUTRAL = Mood()


def _mood(row: str) -> tuple[tuple[str, ...], Mood]:
    c = [cell.strip() for cell in row.split("|")]
    mood = Mood(float(c[1]), int(c[2]), float(c[3]), int(c[4]), int(c[5]), float(c[6]), float(c[7]))
    return (c[0], *(w.strip() for w in c[8].split(","))), mood


MOODS = {words[0]: mood for words, mood in (_mood(row) for row in _MOODS.strip().splitlines())}
_MOOD_WORDS = {word: words[0] for words, _ in (_mood(row) for row in _MOODS.strip().splitlines()) for word in words}


def find_mood(text: str | None) -> tuple[str, Mood]:
    """The mood a text names, as ``(name, mood)``; several words are averaged; ``("neutral", NEUTRAL)`` when none is known."""
    names = []
    for word in sorted(_MOOD_WORDS, key=len, reverse=True):
        if text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text.lower()) and _MOOD_WORDS[word] not in names:
            names.append(_MOOD_WORDS[word])
    if not names:
        return "neutral", NEUTRAL
    moods = [MOODS[name] for name in names]
    n = len(moods)
    return " and ".join(names), Mood(
        density=sum(m.density for m in moods) / n,
        register=round(sum(m.register for m in moods) / n),
        legato=sum(m.legato for m in moods) / n,
        velocity=round(sum(m.velocity for m in moods) / n),
        colour=round(sum(m.colour for m in moods) / n),
        syncopation=sum(m.syncopation for m in moods) / n,
        bright=sum(m.bright for m in moods) / n,
    )


# ------------------------------------------------------------------------------------------------------- words of style

# word -> (field, styles): what a word in the style text asks of the roles, before the genre is asked.
STYLE_WORDS: dict[str, dict[str, Any]] = {
    "walking": {"bass": ("walking",)},
    "octave": {"bass": ("octaves",)},
    "octaves": {"bass": ("octaves",)},
    "offbeat": {"bass": ("offbeat",), "chords": ("offbeat",), "gate": ("offbeat",)},
    "rolling": {"bass": ("rolling",)},
    "sub": {"bass": ("sustained", "halftime")},
    "sustained": {"bass": ("sustained",), "chords": ("block",), "pad": ("held",)},
    "slap": {"bass": ("funk",)},
    "gallop": {"bass": ("gallop",), "gate": ("gallop",)},
    "strummed": {"guitar": ("strum",), "chords": ("pop",)},
    "strumming": {"guitar": ("strum",), "chords": ("pop",)},
    "fingerpicked": {"guitar": ("fingers", "travis"), "chords": ("ballad",)},
    "fingerpicking": {"guitar": ("fingers", "travis"), "chords": ("ballad",)},
    "picked": {"guitar": ("fingers", "travis")},
    "arpeggiated": {"guitar": ("fingers",), "chords": ("ballad",)},
    "broken": {"guitar": ("fingers",), "chords": ("ballad",)},
    "power chords": {"guitar": ("power", "chug")},
    "palm muted": {"guitar": ("chug",)},
    "chugging": {"guitar": ("chug",)},
    "stabs": {"chords": ("stabs",), "guitar": ("stabs",)},
    "stab": {"chords": ("stabs",), "guitar": ("stabs",)},
    "block": {"chords": ("block",)},
    "comping": {"chords": ("charleston",), "guitar": ("charleston",)},
    "skank": {"chords": ("skank",), "guitar": ("skank",)},
    "montuno": {"chords": ("montuno",)},
    "pulsing": {"pad": ("pulse",), "gate": ("eighths",)},
    "swell": {"pad": ("swell",)},
    "swelling": {"pad": ("swell",)},
    "gated": {"gate": ("gated",), "pad": ("pulse",)},
    "sixteenths": {"gate": ("sixteenths",), "lead": ("busy",)},
    "riff": {"lead": ("riff",)},
    "hook": {"lead": ("riff", "anthem")},
    "anthem": {"lead": ("anthem",)},
    "solo": {"lead": ("busy", "swinging")},
    "lyrical": {"lead": ("singing",)},
}
# word -> changes to density, syncopation, legato
MANNER_WORDS = {
    "staccato": (0.0, 0.0, 0.5),
    "short": (0.0, 0.0, 0.6),
    "legato": (0.0, 0.0, 1.4),
    "smooth": (0.0, 0.0, 1.25),
    "sparse": (-0.4, 0.0, 1.0),
    "minimal": (-0.35, 0.0, 1.0),
    "simple": (-0.25, -0.2, 1.0),
    "busy": (0.4, 0.0, 1.0),
    "dense": (0.35, 0.0, 1.0),
    "complex": (0.2, 0.2, 1.0),
    "syncopated": (0.0, 0.4, 1.0),
    "straight": (0.0, -0.3, 1.0),
    "driving": (0.25, 0.0, 0.85),
    "laid back": (-0.15, 0.1, 1.1),
    "punchy": (0.0, 0.0, 0.7),
}


def shaped_by(style: str, genre: Genre, mood: Mood) -> tuple[Genre, Mood]:
    """The genre's styles and the mood's manner as the words of a style text change them."""
    text = style.lower()
    for word, wanted in STYLE_WORDS.items():
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
            genre = replace(genre, **wanted)
    for word, (density, syncopation, legato) in MANNER_WORDS.items():
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
            mood = replace(
                mood,
                density=mood.density + density,
                syncopation=mood.syncopation + syncopation,
                legato=mood.legato * legato,
            )
    return genre, mood
