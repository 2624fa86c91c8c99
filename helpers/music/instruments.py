"""Instruments by their everyday names: what they are, which role they play, where they can play.

The General MIDI sound set plus the words producers use. :func:`find_instrument` answers any text with the nearest entry
and says so when it had to guess.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..errors import InvalidInput


@dataclass(frozen=True)
class Instrument:
    """One instrument: canonical ``name``, usual ``role``, General MIDI ``program`` (0..127; a kit number for drums),
    playable range ``low``..``high`` as MIDI notes, ``sustains`` while held, other ``words`` for it."""

    name: str
    role: str
    program: int
    low: int
    high: int
    sustains: bool
    words: tuple[str, ...] = ()

    @property
    def is_drums(self) -> bool:
        return self.role == "drums"


def _table() -> tuple[Instrument, ...]:
    # name | role | GM program (from 0) | lowest | highest | s = sustains while held, d = decays | other words
    rows = """
    piano | chords | 0 | 28 | 96 | d | acoustic piano, grand piano, acoustic grand piano, keys, keyboard
    bright piano | chords | 1 | 28 | 96 | d | bright acoustic piano, house piano, upright piano, pop piano
    electric grand piano | chords | 2 | 28 | 96 | d | electric grand, cp80, cp70
    honky-tonk piano | chords | 3 | 28 | 96 | d | honky tonk, saloon piano, tack piano
    electric piano | chords | 4 | 28 | 96 | d | rhodes, fender rhodes, wurlitzer, wurli, e-piano, ep, electric piano 1, mark i
    fm piano | chords | 5 | 28 | 96 | d | dx7, dx piano, fm electric piano, electric piano 2
    harpsichord | chords | 6 | 29 | 89 | d | cembalo
    clavinet | chords | 7 | 36 | 89 | d | clav, clavi, funk clav
    celesta | arpeggio | 8 | 60 | 108 | d | celeste
    glockenspiel | arpeggio | 9 | 72 | 108 | d | glock, bells
    music box | arpeggio | 10 | 60 | 96 | d | toy box
    vibraphone | chords | 11 | 53 | 89 | d | vibes
    marimba | arpeggio | 12 | 45 | 96 | d | mallets, mallet
    xylophone | arpeggio | 13 | 65 | 108 | d |
    tubular bells | lead | 14 | 60 | 77 | d | chimes, church bell
    dulcimer | arpeggio | 15 | 50 | 86 | d | hammered dulcimer, santur, cimbalom
    drawbar organ | chords | 16 | 36 | 96 | s | organ, hammond, b3, hammond organ, jazz organ
    percussive organ | chords | 17 | 36 | 96 | s | perc organ, house organ, m1 organ
    rock organ | chords | 18 | 36 | 96 | s | leslie organ, overdriven organ
    church organ | pad | 19 | 36 | 96 | s | pipe organ, cathedral organ
    reed organ | pad | 20 | 36 | 96 | s | harmonium, pump organ
    accordion | chords | 21 | 53 | 89 | s | squeezebox, concertina
    harmonica | lead | 22 | 60 | 96 | s | blues harp, mouth organ
    bandoneon | lead | 23 | 53 | 89 | s | tango accordion
    nylon guitar | chords | 24 | 40 | 83 | d | classical guitar, spanish guitar, nylon string guitar, flamenco guitar, bossa guitar
    acoustic guitar | chords | 25 | 40 | 84 | d | steel guitar, steel string guitar, folk guitar, acoustic guitar steel, guitar, strummed guitar
    jazz guitar | chords | 26 | 40 | 86 | d | electric guitar jazz, archtop
    electric guitar | chords | 27 | 40 | 86 | d | clean guitar, clean electric guitar, strat, stratocaster, indie guitar
    muted guitar | arpeggio | 28 | 40 | 86 | d | palm muted guitar, muted electric guitar, funk guitar
    overdriven guitar | lead | 29 | 40 | 86 | s | crunch guitar, overdrive guitar, blues guitar
    distortion guitar | chords | 30 | 40 | 86 | s | distorted guitar, metal guitar, heavy guitar, power chords
    guitar harmonics | lead | 31 | 52 | 88 | d | harmonics
    acoustic bass | bass | 32 | 28 | 60 | d | upright bass, double bass, contrabass pizzicato, standup bass
    bass guitar | bass | 33 | 28 | 60 | d | bass, electric bass, finger bass, fingered bass, e-bass
    picked bass | bass | 34 | 28 | 60 | d | pick bass, electric bass pick
    fretless bass | bass | 35 | 28 | 60 | s | fretless
    slap bass | bass | 36 | 28 | 60 | d | slap bass 1, funk bass
    pop bass | bass | 37 | 28 | 60 | d | slap bass 2, popped bass
    synth bass | bass | 38 | 24 | 60 | s | analog bass, moog bass, moog, synth bass 1, acid bass, 303, tb-303, saw bass, reese, reese bass, house bass
    sub bass | bass | 39 | 24 | 55 | s | sub, synth bass 2, sine bass, deep bass
    808 | bass | 39 | 24 | 55 | s | 808 bass, 808 sub, trap bass, 808s
    violin | lead | 40 | 55 | 96 | s | fiddle, solo violin
    viola | lead | 41 | 48 | 84 | s |
    cello | lead | 42 | 36 | 76 | s | violoncello
    contrabass | bass | 43 | 28 | 60 | s | bowed bass, arco bass
    tremolo strings | pad | 44 | 36 | 96 | s | tremolo
    pizzicato strings | arpeggio | 45 | 36 | 91 | d | pizzicato, pizz
    harp | arpeggio | 46 | 36 | 96 | d | orchestral harp
    timpani | bass | 47 | 36 | 57 | d | kettle drums
    strings | pad | 48 | 36 | 93 | s | string ensemble, string section, orchestra strings, orchestral strings, violins
    slow strings | pad | 49 | 36 | 93 | s | legato strings, soft strings
    synth strings | pad | 50 | 36 | 93 | s | string machine, solina, analog strings
    synth strings 2 | pad | 51 | 36 | 93 | s |
    choir | pad | 52 | 43 | 84 | s | choir aahs, aahs, vocal pad
    voice oohs | pad | 53 | 43 | 84 | s | oohs, ooh, vocal oohs
    synth voice | pad | 54 | 43 | 84 | s | synth choir, vox, voice
    orchestra hit | chords | 55 | 36 | 84 | d | orch hit, hit, stab
    trumpet | lead | 56 | 55 | 84 | s | trumpets
    trombone | lead | 57 | 40 | 72 | s | bone
    tuba | bass | 58 | 28 | 58 | s | sousaphone
    muted trumpet | lead | 59 | 55 | 84 | s | harmon mute, miles trumpet
    french horn | pad | 60 | 41 | 77 | s | horn
    brass section | chords | 61 | 40 | 84 | s | brass, horns, horn section, brass stabs
    synth brass | chords | 62 | 36 | 91 | s | synth brass 1, jump brass, analog brass
    synth brass 2 | pad | 63 | 36 | 91 | s | soft brass
    soprano sax | lead | 64 | 56 | 87 | s | soprano saxophone
    alto sax | lead | 65 | 49 | 80 | s | sax, saxophone, alto saxophone
    tenor sax | lead | 66 | 44 | 75 | s | tenor saxophone
    baritone sax | bass | 67 | 36 | 68 | s | bari sax, baritone saxophone
    oboe | lead | 68 | 58 | 91 | s |
    english horn | lead | 69 | 52 | 81 | s | cor anglais
    bassoon | bass | 70 | 34 | 72 | s |
    clarinet | lead | 71 | 50 | 91 | s |
    piccolo | lead | 72 | 74 | 108 | s |
    flute | lead | 73 | 60 | 96 | s | transverse flute, concert flute
    recorder | lead | 74 | 60 | 96 | s | block flute
    pan flute | lead | 75 | 60 | 96 | s | pan pipes
    blown bottle | lead | 76 | 60 | 96 | s | bottle
    shakuhachi | lead | 77 | 55 | 84 | s | bamboo flute
    whistle | lead | 78 | 60 | 96 | s | whistling
    ocarina | lead | 79 | 60 | 84 | s |
    square lead | lead | 80 | 48 | 96 | s | chiptune, chip lead, 8-bit, 8 bit, square wave, gameboy
    synth lead | lead | 81 | 48 | 96 | s | lead, saw lead, sawtooth lead, lead synth, supersaw, synth, synthesizer, edm lead
    calliope lead | lead | 82 | 48 | 96 | s | calliope, flute lead
    chiff lead | lead | 83 | 48 | 96 | s | chiff
    charang lead | lead | 84 | 48 | 96 | s | charang, synth guitar
    voice lead | lead | 85 | 48 | 91 | s | vocal lead
    fifths lead | lead | 86 | 48 | 91 | s | fifths
    bass and lead | lead | 87 | 36 | 84 | s | bass + lead
    new age pad | pad | 88 | 36 | 96 | s | fantasia, bell pad
    warm pad | pad | 89 | 36 | 91 | s | pad, analog pad, soft pad, synth pad, ambient pad, pads
    polysynth | chords | 90 | 36 | 96 | s | poly synth, poly, synth chords, juno, prophet, supersaw chords
    choir pad | pad | 91 | 36 | 91 | s | space voice
    bowed pad | pad | 92 | 36 | 91 | s | bowed glass, glass pad
    metallic pad | pad | 93 | 36 | 91 | s | metal pad
    halo pad | pad | 94 | 36 | 91 | s | halo
    sweep pad | pad | 95 | 36 | 91 | s | sweep, filter pad
    ice rain | arpeggio | 96 | 48 | 96 | s | rain
    soundtrack | pad | 97 | 36 | 84 | s | cinematic pad, film pad
    crystal | arpeggio | 98 | 48 | 96 | d | crystal bell, crystals
    atmosphere | pad | 99 | 36 | 91 | s | atmospheric, texture
    brightness | pad | 100 | 36 | 91 | s | bright pad
    goblins | pad | 101 | 36 | 84 | s | goblin
    echoes | arpeggio | 102 | 48 | 91 | s | echo drops
    sci-fi | pad | 103 | 36 | 84 | s | star theme
    sitar | lead | 104 | 48 | 79 | d |
    banjo | arpeggio | 105 | 48 | 84 | d | bluegrass banjo
    shamisen | lead | 106 | 50 | 84 | d |
    koto | arpeggio | 107 | 48 | 91 | d |
    kalimba | arpeggio | 108 | 55 | 91 | d | thumb piano, mbira
    bagpipe | lead | 109 | 55 | 80 | s | bagpipes, pipes
    folk fiddle | lead | 110 | 55 | 96 | s | irish fiddle, country fiddle
    shanai | lead | 111 | 55 | 84 | s | shehnai
    tinkle bell | arpeggio | 112 | 72 | 108 | d | bell, small bells
    steel drums | arpeggio | 114 | 52 | 88 | d | steel pan, steelpan, pan drums
    pluck | arpeggio | 81 | 48 | 96 | s | synth pluck, plucks, plucked synth, edm pluck, arp, arpeggio, sequence, sequencer, arpeggiator
    drum kit | drums | 0 | 35 | 81 | d | drums, drum, drum set, drumset, acoustic drums, standard kit, beat, beats, percussion, drum loop
    room kit | drums | 8 | 35 | 81 | d | room drums, live drums
    power kit | drums | 16 | 35 | 81 | d | rock drums, rock kit, power drums, metal drums
    electronic kit | drums | 24 | 35 | 81 | d | electronic drums, electro drums, simmons
    808 kit | drums | 25 | 35 | 81 | d | 808 drums, 909, 909 drums, drum machine, tr-808, tr-909, trap drums, analog drums, house drums, techno drums
    jazz kit | drums | 32 | 35 | 81 | d | jazz drums
    brush kit | drums | 40 | 35 | 81 | d | brushes, brush drums
    orchestra kit | drums | 48 | 35 | 81 | d | orchestral percussion, cinematic drums
    """
    out = []
    for row in rows.strip().splitlines():
        name, role, program, low, high, hold, words = (cell.strip() for cell in row.split("|"))
        aliases = tuple(w.strip() for w in words.split(",") if w.strip())
        out.append(Instrument(name, role, int(program), int(low), int(high), hold == "s", aliases))
    return tuple(out)


INSTRUMENTS = _table()
_BY_WORD = {word: i for i in INSTRUMENTS for word in (i.name, *i.words)}


@dataclass(frozen=True)
class InstrumentMatch:
    """The instrument that answers a word; ``note`` says what was assumed when the word was not in the table."""

    instrument: Instrument
    note: str = ""


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[_/]+", " ", text.strip().lower()))


def find_instrument(text: str) -> InstrumentMatch:
    """Find the instrument for a word or a phrase; an unknown one gets the nearest, and ``note`` says so.

    Raises
    ------
    InvalidInput
        If the text is empty.
    """
    word = _normal(str(text))
    if not word:
        raise InvalidInput(
            "No instrument was named; write one such as bass guitar, rhodes, strings, pluck or drum kit."
        )
    exact = _BY_WORD.get(word) or _BY_WORD.get(word.rstrip("s"))
    if exact is not None:
        return InstrumentMatch(exact)
    # A known word inside a longer phrase ("warm fingered bass guitar"): the longest one, the last of equals.
    inside = [w for w in _BY_WORD if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", word)]
    if inside:
        best = max(inside, key=lambda w: (len(w), word.rfind(w)))
        return InstrumentMatch(_BY_WORD[best], f"“{text}” was read as {_BY_WORD[best].name}.")
    near = difflib.get_close_matches(word, _BY_WORD, n=1, cutoff=0.0)[0]
    return InstrumentMatch(
        _BY_WORD[near],
        f"“{text}” is not an instrument we know; the nearest is {_BY_WORD[near].name}, so that was made.",
    )
