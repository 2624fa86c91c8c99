"""Instruments by their everyday names: what they are, which role they play, where they can play.

The General MIDI sound set, the words producers use and everyday instruments that a sister of theirs plays.
:func:`find_instrument` mends typos and says so; a word that it does not understand is a question, never a guess.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..errors import InvalidInput, UnknownInstrument


@dataclass(frozen=True)
class Instrument:
    """One instrument: canonical ``name``, usual ``role``, General MIDI ``program`` (0..127; a kit number for drums),
    playable range ``low``..``high`` as MIDI notes, ``sustains`` while held, other ``words`` for it. ``stand_in`` names
    whose sound plays it where sound banks lack it; ``lines`` are the lines of a kit that a single drum is."""

    name: str
    role: str
    program: int
    low: int
    high: int
    sustains: bool
    words: tuple[str, ...] = ()
    stand_in: str = ""
    lines: tuple[str, ...] = ()

    @property
    def is_drums(self) -> bool:
        return self.role == "drums"


def _table() -> tuple[Instrument, ...]:
    # name | role | GM program (from 0) | lowest | highest | s = sustains while held, d = decays | other words | whose
    # sound plays it | lines of the kit
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
    synth bass | bass | 38 | 24 | 60 | s | analog bass, moog bass, moog, synth bass 1, saw bass, house bass
    reese bass | bass | 38 | 24 | 60 | s | reese, neuro bass, hoover bass
    acid bass | bass | 38 | 24 | 60 | s | acid, 303, tb-303, acid line
    fm bass | bass | 38 | 24 | 60 | s | dx bass, lately bass, solid bass
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
    synth lead | lead | 81 | 48 | 96 | s | lead, saw lead, sawtooth lead, lead synth, synth, synthesizer, edm lead
    supersaw | lead | 81 | 48 | 96 | s | supersaw lead, super saw, hypersaw, trance lead, hoover
    calliope lead | lead | 82 | 48 | 96 | s | calliope, flute lead
    chiff lead | lead | 83 | 48 | 96 | s | chiff
    charang lead | lead | 84 | 48 | 96 | s | charang, synth guitar
    voice lead | lead | 85 | 48 | 91 | s | vocal lead
    fifths lead | lead | 86 | 48 | 91 | s | fifths
    bass and lead | lead | 87 | 36 | 84 | s | bass + lead
    new age pad | pad | 88 | 36 | 96 | s | fantasia, bell pad
    warm pad | pad | 89 | 36 | 91 | s | pad, analog pad, soft pad, synth pad, ambient pad, pads
    polysynth | chords | 90 | 36 | 96 | s | poly synth, poly, synth chords, juno, prophet
    synth stab | chords | 90 | 36 | 96 | d | chord stab, house stab, rave stab, techno stab, synth stabs, dub chord
    supersaw chords | chords | 81 | 48 | 96 | s | trance chords, edm chords
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
    drum kit | drums | 0 | 35 | 81 | d | drums, drum, drum set, drumset, acoustic drums, standard kit, beat, beats, drum loop
    room kit | drums | 8 | 35 | 81 | d | room drums, live drums
    power kit | drums | 16 | 35 | 81 | d | rock drums, rock kit, power drums, metal drums
    electronic kit | drums | 24 | 35 | 81 | d | electronic drums, electro drums, simmons
    808 kit | drums | 25 | 35 | 81 | d | 808 drums, drum machine, tr-808, trap drums, analog drums
    909 kit | drums | 25 | 35 | 81 | d | 909, 909 drums, tr-909, house drums, techno drums
    jazz kit | drums | 32 | 35 | 81 | d | jazz drums
    brush kit | drums | 40 | 35 | 81 | d | brushes, brush drums
    orchestra kit | drums | 48 | 35 | 81 | d | orchestral percussion, cinematic drums
    percussion | drums | 0 | 35 | 81 | d | hand percussion, percussions, perc, latin percussion | | conga, low conga, mute conga, shaker, cowbell
    kick | drums | 0 | 35 | 81 | d | kick drum, bass drum, kicks, kickdrum | | kick
    snare | drums | 0 | 35 | 81 | d | snare drum, snares, side drum, rimshot | | snare, rim
    hi-hats | drums | 0 | 35 | 81 | d | hats, hihats, hi hats, hi-hat, hihat, hi hat, hat, closed hats, hihat loop | | hat, open
    claps | drums | 0 | 35 | 81 | d | clap, hand claps, handclaps, handclap | | clap
    toms | drums | 0 | 35 | 81 | d | tom, tom toms, tom-toms | | low tom, mid tom, high tom
    cymbals | drums | 0 | 35 | 81 | d | cymbal, ride, ride cymbal | | ride, crash
    tambourine | drums | 0 | 35 | 81 | d | tamb, tambo, pandeiro | | tambourine
    shaker | drums | 0 | 35 | 81 | d | shakers, maracas, maraca, caxixi, egg shaker | | shaker
    cowbell | drums | 0 | 35 | 81 | d | cowbells, cow bell, agogo | | cowbell
    congas | drums | 0 | 35 | 81 | d | conga, tumba, conga drums | | conga, low conga, mute conga
    bongos | drums | 0 | 35 | 81 | d | bongo, bongo drums | | high bongo, low bongo
    timbales | drums | 0 | 35 | 81 | d | timbale | | high timbale, low timbale, cowbell
    claves | drums | 0 | 35 | 81 | d | clave, woodblock, wood block | | clave
    triangle | drums | 0 | 35 | 81 | d | | | triangle, mute triangle
    tabla | drums | 0 | 35 | 81 | d | tablas, dholak, mridangam | bongos | high bongo, low bongo
    djembe | drums | 0 | 35 | 81 | d | darbuka, doumbek, hand drum, hand drums, frame drum | congas | conga, low conga, mute conga
    cajon | drums | 0 | 35 | 81 | d | cajón, box drum | congas | low conga, mute conga, conga
    taiko | drums | 48 | 35 | 81 | d | taiko drums, taikos, war drums, surdo | toms | low tom, mid tom, high tom
    ukulele | chords | 24 | 60 | 84 | d | uke, ukelele, banjolele | nylon guitar
    mandolin | arpeggio | 25 | 55 | 88 | d | mandola | acoustic guitar
    bouzouki | arpeggio | 25 | 50 | 86 | d | irish bouzouki, saz, baglama, balalaika | acoustic guitar
    oud | lead | 24 | 45 | 79 | d | lute, theorbo, vihuela | nylon guitar
    charango | chords | 24 | 64 | 88 | d | cavaquinho, cuatro, tiple | nylon guitar
    twelve-string guitar | chords | 25 | 40 | 84 | d | 12-string guitar, 12 string guitar, twelve string guitar | acoustic guitar
    slide guitar | lead | 26 | 40 | 86 | d | dobro, resonator guitar, lap steel, pedal steel, steel slide | jazz guitar
    baritone guitar | chords | 27 | 35 | 80 | d | tenor guitar | electric guitar
    pipa | lead | 106 | 45 | 84 | d | sanxian, biwa | shamisen
    guzheng | arpeggio | 107 | 48 | 91 | d | zither, zithers, gayageum, autoharp, kantele, psaltery | koto
    erhu | lead | 110 | 55 | 88 | s | hurdy-gurdy, hurdy gurdy, nyckelharpa, rebab | folk fiddle
    lyre | arpeggio | 46 | 48 | 84 | d | kora, celtic harp, lever harp | harp
    string quartet | pad | 48 | 36 | 91 | s | chamber strings, string trio | strings
    flugelhorn | lead | 56 | 52 | 82 | s | cornet, bugle, piccolo trumpet | trumpet
    euphonium | bass | 57 | 34 | 70 | s | baritone horn, bass trombone | trombone
    bass clarinet | bass | 71 | 34 | 70 | s | contrabassoon, contra bassoon | clarinet
    duduk | lead | 68 | 54 | 81 | s | zurna, mizmar, shawm | oboe
    ney | lead | 77 | 57 | 86 | s | bansuri, dizi, quena | shakuhachi
    tin whistle | lead | 72 | 74 | 98 | s | penny whistle, irish whistle, fife | piccolo
    melodica | lead | 22 | 53 | 89 | s | harmonetta | harmonica
    theremin | lead | 78 | 55 | 91 | s | musical saw, singing saw, ondes martenot | whistle
    didgeridoo | bass | 109 | 36 | 60 | s | didgeridu, didge, drone pipe | bagpipe
    handpan | arpeggio | 114 | 50 | 81 | d | hang drum, hang, tongue drum, steel tongue drum, gamelan | steel drums
    handbells | arpeggio | 14 | 60 | 96 | d | hand bells, carillon, bell tree, wind chimes | tubular bells
    toy piano | arpeggio | 10 | 60 | 96 | d | kids piano | music box
    balafon | arpeggio | 12 | 48 | 91 | d | gyil, bass marimba | marimba
    mellotron | pad | 52 | 43 | 84 | s | tape choir, chamberlin | choir
    vocoder | chords | 54 | 43 | 84 | s | talkbox, talk box, vocal synth | synth voice
    """
    out = []
    for row in rows.strip().splitlines():
        name, role, program, low, high, hold, *lists = (cell.strip() for cell in row.split("|"))
        words, stand_in, lines = (*lists, "", "")[:3]
        aliases, kit = (tuple(w.strip() for w in text.split(",") if w.strip()) for text in (words, lines))
        out.append(Instrument(name, role, int(program), int(low), int(high), hold == "s", aliases, stand_in, kit))
    return tuple(out)


INSTRUMENTS = _table()
TYPO = 0.8  # likeness of spelling from which a word is taken for a slip of the finger
# Part of a word -> instruments of the family it belongs to, to be offered.
FAMILY_HINTS = {
    "drum": ("drum kit", "percussion", "toms"),
    "perc": ("percussion", "congas", "shaker"),
    "guitar": ("acoustic guitar", "electric guitar", "nylon guitar"),
    "harp": ("harp", "harmonica", "lyre"),
    "horn": ("french horn", "brass section", "trumpet"),
    "pipe": ("bagpipe", "pan flute", "church organ"),
    "flute": ("flute", "pan flute", "recorder"),
    "violin": ("violin", "viola", "strings"),
    "string": ("strings", "violin", "slow strings"),
    "organ": ("drawbar organ", "church organ", "percussive organ"),
    "piano": ("piano", "electric piano", "bright piano"),
    "key": ("piano", "electric piano", "drawbar organ"),
    "bass": ("bass guitar", "synth bass", "sub bass"),
    "synth": ("synth lead", "polysynth", "synth bass"),
    "pad": ("warm pad", "sweep pad", "choir pad"),
    "lead": ("synth lead", "square lead", "fifths lead"),
    "bell": ("glockenspiel", "tubular bells", "handbells"),
    "vocal": ("choir", "voice oohs", "synth voice"),
    "sing": ("choir", "voice oohs", "synth voice"),
    "sax": ("alto sax", "tenor sax", "soprano sax"),
    "phone": ("vibraphone", "xylophone", "alto sax"),
}
_BY_WORD = {word: i for i in INSTRUMENTS for word in (i.name, *i.words)}


@dataclass(frozen=True)
class InstrumentMatch:
    """The instrument that answers a word; ``note`` says what was assumed when the word was not in the table."""

    instrument: Instrument
    note: str = ""
    guessed: bool = False  # by spelling alone


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[_/]+", " ", text.strip().lower()))


def find_instrument(text: str) -> InstrumentMatch:
    """Find the instrument for a word or a phrase; ``note`` says what was read into it.

    Raises
    ------
    InvalidInput
        If the text is empty.
    UnknownInstrument
        If it is not understood; the error carries the three nearest.
    """
    word = _normal(str(text))
    if not word:
        raise InvalidInput(
            "No instrument was named; write one such as bass guitar, rhodes, strings, pluck or drum kit."
        )
    exact = _BY_WORD.get(word) or _BY_WORD.get(word.rstrip("s"))
    if exact is not None:
        return InstrumentMatch(exact, _stand_in(exact))
    # A known word inside a longer phrase ("warm fingered bass guitar"): the longest one, the last of equals.
    inside = [w for w in _BY_WORD if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", word)]
    typos = difflib.get_close_matches(word, _BY_WORD, n=1, cutoff=TYPO)
    if not inside and not typos:
        raise UnknownInstrument(str(text).strip(), _nearest(word))
    best = max(inside, key=lambda w: (len(w), word.rfind(w))) if inside else typos[0]
    found = _BY_WORD[best]
    return InstrumentMatch(found, f"“{text}” was read as {found.name}. {_stand_in(found)}".strip())


def _stand_in(instrument: Instrument) -> str:
    if not instrument.stand_in:
        return ""
    return f"Sound banks have no {instrument.name}; the sound is their {instrument.stand_in}."


def _nearest(word: str) -> tuple[str, ...]:
    """The three instruments nearest to a word, of the family that it hints at where it does (``FAMILY_HINTS``)."""
    hinted = [name for hint, names in FAMILY_HINTS.items() if hint in word for name in names]
    spelt = [_BY_WORD[w].name for w in difflib.get_close_matches(word, _BY_WORD, n=12, cutoff=0.0)]
    return tuple(dict.fromkeys([*hinted, *spelt]))[:3]
