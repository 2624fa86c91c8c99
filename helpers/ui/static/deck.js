// The player of RESULTS: one gapless transport for a loop with the idea under it, or for the whole stack of kept loops.
const MIXES = { idea: { idea: 1, loop: 0 }, loop: { idea: 0, loop: 1 }, both: { idea: 0.8, loop: 0.8 } };

/** `cardOf(id)` finds a card; `changed()` is called whenever what sounds has changed. */
const loopPlayer = (kernel, cardOf, changed) => {
  const player = { current: null, transport: null, mix: "both", volume: 0.9, word: "" };
  let request = 0;

  const open = (rate) => {
    if (player.transport?.context.sampleRate === rate) return;
    player.transport?.close();
    player.transport = new Transport(new AudioContext({ sampleRate: rate }));
    player.transport.master.gain.value = player.volume;
  };
  const only = (names) => {
    const { voices } = player.transport;
    for (const [name, voice] of Object.entries(voices))
      if (!names.includes(name)) {
        voice.source?.stop();
        voice.node.disconnect();
        delete voices[name];
      }
  };
  const enter = (name, file) => {
    player.transport.set(name, pcmBuffer(player.transport.context, file.bytes, file.meta), file.meta.gain);
  };

  /** Bring a loop (and the idea under it) to the player; while playing it takes over in phase. */
  const load = async (id) => {
    const mine = ++request;
    player.word = "";
    const under = kernel.fetch(`idea:${id}`).catch((error) => {
      player.word = error.message;
      return null;
    });
    const [loop, idea] = [await kernel.fetch(`loop:${id}`), await under];
    if (mine !== request) return false;
    open(loop.meta.rate);
    const { transport } = player;
    const wasPlaying = transport.playing;
    if (wasPlaying && (transport.frames !== loop.meta.samples || player.current === "stack")) transport.stop();
    only(["idea", "loop"]);
    transport.setMix(MIXES[player.mix]);
    enter("loop", loop);
    if (idea) enter("idea", idea);
    else transport.set("idea", transport.context.createBuffer(1, loop.meta.samples, loop.meta.rate), 0);
    if (idea && !idea.meta.together)
      player.word = "The idea plays at its own tempo; only bar 1 lines up with this loop.";
    player.current = id;
    if (wasPlaying && !transport.playing) transport.play();
    return true;
  };

  /** Bring all of the stack to the player, each voice at its level. */
  const loadStack = async (rows) => {
    const mine = ++request;
    const first = rows.find((row) => row.id !== "idea");
    const files = await Promise.all(
      rows.map((row) => kernel.fetch(row.id === "idea" ? `idea:${longest(rows) || first.id}` : `loop:${row.id}`)),
    );
    if (mine !== request) return false;
    open(files[1].meta.rate);
    player.transport.stop();
    only(rows.map((row) => row.id));
    rows.forEach((row, i) => {
      enter(row.id, files[i]);
    });
    player.current = "stack";
    return true;
  };
  const longest = (rows) => {
    const bars = (row) => cardOf(row.id)?.grid.bars || 0;
    return rows.filter((row) => row.id !== "idea").sort((a, b) => bars(b) - bars(a))[0]?.id;
  };

  player.stop = () => {
    player.transport?.stop();
    changed();
  };
  const begin = async (fresh, loading, share) => {
    quiet.claim(player.stop);
    try {
      if (fresh && !(await loading())) return;
    } catch (error) {
      player.word = error.message;
      changed();
      return;
    }
    await player.transport.context.resume();
    if (!player.transport.playing || !fresh) player.transport.play(share);
    changed();
  };
  player.toggle = async (id, share = 0) => {
    if (player.transport?.playing && player.current === id && !share) return player.stop();
    await begin(player.current !== id, () => load(id), share);
  };
  player.toggleStack = async (rows, levels) => {
    if (player.transport?.playing && player.current === "stack") return player.stop();
    await begin(true, () => loadStack(rows), 0);
    player.transport?.setMix(levels);
  };
  player.setMix = (name) => {
    player.mix = name;
    if (player.current !== "stack") player.transport?.setMix(MIXES[name]);
    changed();
  };
  player.setVolume = (value) => {
    player.volume = value;
    if (player.transport) player.transport.master.gain.value = value;
  };
  player.share = () => player.transport?.share() ?? null;
  player.playing = () => !!player.transport?.playing;
  quiet.add(player.stop);
  player.close = () => {
    quiet.remove(player.stop);
    player.transport?.close();
  };
  return player;
};

/**
 * The player's bar. It stands above the cards; once it has been used it follows the reader to the foot of the window when
 * the page is scrolled (a frame of its own, as on hosted notebooks, has no window to follow in: there it stays).
 */
const deckBar = (root, player, cardOf, best) => {
  const title = h("strong.clip");
  const where = h("span.small.muted.num", { style: { whiteSpace: "nowrap" } });
  const note = h("span.small.muted", { hidden: true, role: "status", style: { flexBasis: "100%" } });
  const press = () => (player.current === "stack" ? player.stop() : player.toggle(player.current || best().id));
  const play = playButton("Play", press, { kind: ".t-deck-play", title: "Key: space" });
  const volume = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    "aria-label": "Volume",
    oninput: () => player.setVolume(Number(volume.value)),
  });
  volume.value = player.volume;
  const segments = Object.keys(MIXES).map((name, i) => ({
    chosen: name === player.mix,
    el: h(
      "button",
      { type: "button", "data-mix": name, title: `Key ${i + 1}`, onclick: () => player.setMix(name) },
      name[0].toUpperCase() + name.slice(1),
      h("small.faint", {}, ` ${i + 1}`),
    ),
  }));
  const bar = h(
    "div.lg-deck",
    { role: "region", "aria-label": "Player" },
    play,
    choiceGroup("div.lg-segments", "What to hear", segments),
    h("div.grow.row", { style: { flexWrap: "nowrap" } }, title, where),
    h("label.row.small.muted.lg-hide-narrow", {}, "Volume", volume),
    note,
  );
  const slot = h("div.lg-slot", {}, bar);
  const float = h("div.lg.lg-float", { hidden: true });
  document.body.append(float);
  const dress = () => {
    float.dataset.theme = root.dataset.theme || "light";
  };
  dress();
  root.addEventListener("lg-theme", dress);
  let out = false; // of sight
  const place = () => {
    const away = out && !!player.current && window === window.top;
    if (away === (bar.parentElement === float)) return;
    slot.style.height = away ? `${slot.offsetHeight}px` : "";
    float.hidden = !away;
    (away ? float : slot).append(bar);
  };
  const seen = new IntersectionObserver((entries) => {
    out = !entries.at(-1).isIntersecting;
    place();
  });
  seen.observe(slot);
  onClose(root, () => {
    seen.disconnect();
    float.remove();
  });
  bar.update = () => {
    const card = player.current && cardOf(player.current);
    const share = player.share();
    place();
    showPlaying(play, player.playing(), "pause");
    title.textContent = player.current === "stack" ? "The stack" : (card || best())?.title || "";
    for (const { el } of segments) {
      const chosen = el.dataset.mix === player.mix;
      el.setAttribute("aria-checked", String(chosen));
      el.tabIndex = chosen ? 0 : -1;
    }
    note.textContent = player.word;
    note.hidden = !player.word;
    where.textContent = "";
    if (!card || share === null) return;
    const beats = card.grid.bars * card.grid.beatsPerBar;
    const beat = Math.min(beats - 1, Math.floor(share * beats));
    where.textContent = `bar ${Math.floor(beat / card.grid.beatsPerBar) + 1} · beat ${(beat % card.grid.beatsPerBar) + 1}`;
  };
  const keys = (event) => {
    const name = Object.keys(MIXES)[Number(event.key) - 1];
    if (name && event.target.tagName !== "INPUT") player.setMix(name);
    else if (event.key === "Escape") player.stop();
    else if (
      event.key === " " &&
      player.current &&
      !/INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY/.test(event.target.tagName)
    ) {
      event.preventDefault();
      player.toggle(player.current);
    }
  };
  root.addEventListener("keydown", keys);
  float.addEventListener("keydown", keys);
  return { slot, bar };
};
