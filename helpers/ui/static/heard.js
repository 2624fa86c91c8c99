// MODE, first part: what was heard in the idea, checked by ear and changed with one click.

/** Short sine bursts at the beats, higher and louder on bar lines. */
const clickBuffer = (context, frames, rate, beats, strong) => {
  const buffer = context.createBuffer(1, frames, rate);
  const to = buffer.getChannelData(0);
  const bars = new Set(strong.map((t) => Math.round(t * 50)));
  for (const t of beats) {
    const high = bars.has(Math.round(t * 50));
    const [hz, level, at] = [high ? 1760 : 1175, high ? 0.7 : 0.42, Math.round(t * rate)];
    for (let i = 0; i < 0.05 * rate && at + i < frames; i++)
      if (at + i >= 0) to[at + i] += level * Math.exp(-i / (0.009 * rate)) * Math.sin((2 * Math.PI * hz * i) / rate);
  }
  return buffer;
};

/** A soft chord on the key's tonic: when it rubs, the key is wrong. */
const droneBuffer = (context, frames, rate, notes) => {
  const buffer = context.createBuffer(1, frames, rate);
  const to = buffer.getChannelData(0);
  for (const note of notes) {
    const hz = 440 * 2 ** ((note - 69) / 12);
    for (let partial = 1; partial <= 3; partial++)
      for (let i = 0; i < frames; i++)
        to[i] += (0.09 / partial ** 1.5) * Math.sin((2 * Math.PI * hz * partial * i) / rate);
  }
  const fade = Math.round(0.03 * rate);
  for (let i = 0; i < fade; i++) {
    to[i] *= i / fade;
    to[frames - 1 - i] *= i / fade;
  }
  return buffer;
};

const certainty = (c) => {
  const marks = [1, 2, 3].map((n) => h(`i${n <= c.marks ? ".on" : ""}`));
  return h(
    "span.row.small.muted",
    {},
    h(`span.lg-meter.${c.tone || "high"}`, { "aria-hidden": "true" }, marks),
    c.word,
  );
};

/** The sentence beneath a field whose value cannot be used, with what could be meant instead. */
const wrongNote = (model, name, take = null) => {
  const wrong = model.get("wrong")?.[name];
  if (!wrong) return null;
  const choices = wrong.choices.map((c) => chip(c, () => take(c)));
  return h("div.lg-wrong.small", { role: "alert", id: `lg-wrong-${name}` }, wrong.text, h("div.row", {}, choices));
};

/** What a field shows and how: the refused value with its mark, or the value that is in force. */
const fieldOf = (model, name, value) => {
  const wrong = model.get("wrong")?.[name];
  if (!wrong) return { value: value ?? "" };
  return { value: wrong.value, class: "wrong", "aria-invalid": "true", "aria-describedby": `lg-wrong-${name}` };
};

/** The idea with a click on every beat and its key's chord, looped by the transport. */
const earCheck = (model, kernel) => {
  const get = (name) => model.get(name) || {};
  const heardBy = { click: true, drone: false };
  const check = { wave: null, play: null };
  let transport = null;
  let loaded = null;
  let timer = 0;
  const draw = () => {
    const share = transport?.share() ?? null;
    const part = loaded ? loaded.seconds / Math.max(loaded.seconds, loaded.part) : 1;
    const [from, to] = loaded?.span || [0, 1];
    check.wave?.progress(share === null ? null : from + share * part * (to - from));
    showPlaying(check.play, !!transport?.playing);
    cancelAnimationFrame(timer);
    if (transport?.playing) timer = requestAnimationFrame(draw);
  };
  const stop = () => {
    transport?.stop();
    draw();
  };
  const drop = () => {
    transport?.close();
    transport = loaded = null;
  };
  const mix = () => transport?.setMix({ idea: 1, click: heardBy.click ? 1 : 0, drone: heardBy.drone ? 1 : 0 });
  check.toggle = async () => {
    if (transport?.playing) return stop();
    quiet.claim(stop);
    const { id, seconds, span } = get("idea");
    const key = `check:${id}:${span}:${get("plan").bpm}:${get("plan").key}`;
    if (loaded?.key !== key) {
      drop();
      const { bytes, meta } = await kernel.fetch(key);
      const context = new AudioContext({ sampleRate: meta.rate });
      transport = new Transport(context);
      transport.set("idea", pcmBuffer(context, bytes, meta), meta.gain * 0.8);
      transport.set("click", clickBuffer(context, meta.samples, meta.rate, meta.beats, meta.strong), 0.8);
      if (meta.drone.length) transport.set("drone", droneBuffer(context, meta.samples, meta.rate, meta.drone), 0.9);
      const part = span ? span[1] - span[0] : seconds;
      loaded = { key, seconds: meta.samples / meta.rate, part, span: span?.map((at) => at / seconds) };
    }
    await transport.context.resume();
    mix();
    transport.play();
    draw();
  };
  check.layer = (name, title) => {
    const press = (event) => {
      heardBy[name] = !heardBy[name];
      event.currentTarget.setAttribute("aria-pressed", String(heardBy[name]));
      mix();
    };
    return chip(name, press, { pressed: heardBy[name], title, "data-key": `layer-${name}` });
  };
  quiet.add(stop);
  check.stop = stop;
  check.close = () => {
    quiet.remove(stop);
    drop();
  };
  return check;
};

/** The cards: `sound()` draws the idea with its check by ear, `facts()` what was heard and can be changed. */
const heardCard = (model, kernel, check) => {
  const get = (name) => model.get(name) || {};
  const set = (name, value) => kernel.send("set", { name, value });
  const taps = [];
  const tap = () => {
    const now = performance.now();
    if (taps.length && now - taps[taps.length - 1] > 2500) taps.length = 0;
    taps.push(now);
    if (taps.length > 9) taps.shift();
    if (taps.length < 4) return;
    set("bpm", Math.round(((60000 * (taps.length - 1)) / (taps[taps.length - 1] - taps[0])) * 10) / 10);
  };
  const isOwn = (name) => get("form")[name] !== null && get("form")[name] !== undefined;
  const back = (name, original) =>
    isOwn(name) || get("wrong")[name]
      ? chip(original ? `heard: ${original}` : "as heard", () => set(name, null), { "data-key": `undo-${name}` })
      : null;
  /** A reading that one press takes over (pressed again, where `off` is so, lets go of it). */
  const reading = (name, value, label, about, kind = "") => {
    const el = chip([h("span.num", {}, label), h("span.faint", {}, about)], () => set(name, value), {
      pressed: get("form")[name] === value,
      "data-key": `${name}-${value}`,
    });
    if (kind) el.classList.add(kind);
    return el;
  };

  /** Tempo or key: its field with how sure it is, and the other readings. `none` is said where nothing was heard. */
  const fact = (name, title, value, heard, { unit, none, others, ...rest }) => {
    const input = h(`input.num.t-${name}`, {
      placeholder: "unknown",
      "aria-label": title,
      "data-key": name,
      ...fieldOf(model, name, value),
      onchange: (event) => set(name, event.target.value),
      ...rest,
    });
    const sure = isOwn(name) ? small("as you say") : heard ? certainty(heard) : small(none);
    return h(
      "div.lg-fact",
      {},
      h("h4", {}, title),
      h("div.lg-big", {}, input, unit ? h("small", {}, unit) : null),
      wrongNote(model, name) || sure,
      h("div.row", {}, others),
    );
  };
  const tempoFact = (heard, plan) => {
    const shown = plan.bpm ? String(Math.round(plan.bpm * 100) / 100) : "";
    const others = heard.others.map((o) => {
      const el = reading("bpm", o.bpm, String(o.bpm), o.relation, "t-bpm-other");
      el.dataset.relation = o.relation;
      return el;
    });
    return fact("bpm", "Tempo", shown, heard.confidence, {
      unit: `BPM · ${heard.meter}`,
      none: "No steady tempo was heard. Type it, or tap along.",
      others: [
        back("bpm", heard.bpm),
        others,
        chip("tap", tap, { title: "Tap four times or more in time", "data-key": "tap" }),
      ],
      inputMode: "decimal",
    });
  };
  const keyFact = (heard, plan) =>
    fact("key", "Key", plan.key || get("form").key || heard?.name, heard?.confidence, {
      unit: heard?.tuning,
      none: "No key was heard; type the one that you want.",
      others: [
        back("key", heard?.name),
        (heard?.others || []).map((o) => reading("key", o.name, o.name, o.relation, "t-key-other")),
      ],
      list: "lg-keys",
    });
  const tagFact = (title, name, tags, plan) => {
    const value = get("form")[name];
    const open = tags.length ? "heard unclearly; left open" : "not heard; write your own";
    const known = tags.map((t) => reading(name, t.label, t.label, `${t.score} %`));
    const input = h("input", {
      placeholder: plan[name] ? `${plan[name]}, as heard` : open,
      "aria-label": title,
      "data-key": name,
      ...fieldOf(model, name, value),
      onchange: (event) => set(name, event.target.value),
    });
    return h("div.lg-fact", {}, h("h4", {}, title), h("div.row", {}, back(name), known), input, wrongNote(model, name));
  };
  const chordsFact = (plan) => {
    const bars = plan.chords || [];
    const box = (text, bar) =>
      h(
        "label",
        {},
        h("span.num", {}, `bar ${bar + 1}`),
        h("input.t-chord", {
          "data-key": `chord-${bar}`,
          spellcheck: false,
          ...fieldOf(model, `chord-${bar}`, text === "N" ? "–" : text),
          onchange: (event) => kernel.send("chord", { bar, text: event.target.value.replace("–", "N") }),
        }),
      );
    const write = () => kernel.send("chord", { bar: 0, text: "N" });
    return h(
      "div.lg-fact.wide",
      {},
      h("div.row", {}, h("h4.grow", {}, "Chords"), back("chords")),
      bars.length
        ? h("div.lg-chords", {}, bars.map(box))
        : h(
            "div.row",
            {},
            small("No chords were heard; the part will follow the key."),
            button("Write chords", write, { "data-key": "write-chords" }),
          ),
      ["chords", ...bars.map((_, bar) => `chord-${bar}`)].map((name) => wrongNote(model, name)),
    );
  };

  /** What was heard, in one line beside the name: an unsure reading says so. */
  const heardWords = (idea, heard) => {
    if (!heard.tempo) return "listening …";
    const known = (name, reading) => reading && `${name}${reading.marks > 1 ? "" : " (unsure)"}`;
    const length = idea.span ? `${clock(idea.span[0])} to ${clock(idea.span[1])}` : clock(idea.seconds);
    const { bpm, confidence, length: loop } = heard.tempo;
    const facts = [bpm && known(`${bpm} BPM`, confidence), heard.key && known(heard.key.name, heard.key.confidence)];
    return [...facts, loop, length].filter(Boolean).join(" · ");
  };
  /** The parts of a long idea that loop best, to choose the bars by a press; drawing over the waveform does the same. */
  const parts = (idea, spans) => {
    const cut = (span) => () => kernel.send("span", { span });
    const now = idea.span?.[0];
    const whole = chip("all of it", cut(null), { pressed: !idea.span, "data-key": "whole" });
    const offered = (spans || []).map(({ start, end, section, bars }) => {
      const pressed = now !== undefined && Math.abs(now - start) < 0.05 && Math.abs(idea.span[1] - end) < 0.05;
      const words = `${section} · ${bars} bars at ${clock(start)}`;
      return chip(words, cut([start, end]), { pressed, "data-key": `span-${section}` });
    });
    const hint = "Draw over the waveform to make the loop for a part of it.";
    return [
      h("span.small.muted", {}, idea.span || offered.length ? "Make it for:" : hint),
      idea.span || offered.length
        ? [whole, offered, h("span.small.faint.lg-hide-narrow", {}, "or draw over it")]
        : null,
    ];
  };
  const sound = () => {
    const [idea, heard, plan] = [get("idea"), get("analysis"), get("plan")];
    if (!idea.id) return null;
    const at = (t) => (t + (idea.span?.[0] || 0)) / idea.seconds;
    check.wave = waveform({
      peaks: idea.peaks,
      tone: "idea",
      height: 52,
      lines: (heard.downbeats || []).map(at),
      label: `Waveform of ${idea.name}`,
      span: idea.span?.map((t) => t / idea.seconds),
      ondrag: (from, to) => kernel.send("span", { span: [from * idea.seconds, to * idea.seconds] }),
    });
    const disabled = !heard.tempo;
    check.play = playButton("Play the idea", check.toggle, { kind: ".t-listen", disabled, "data-key": "listen" });
    const name = h("strong.clip.grow", { title: idea.name }, idea.name);
    const words = h("span.small.muted.num.t-heard", {}, heardWords(idea, heard));
    return h(
      "div.lg-card",
      {},
      h("div.lg-listen", {}, check.play, h("div.grow", {}, h("div.row", {}, name, words), check.wave)),
      disabled
        ? null
        : h(
            "div.row",
            {},
            h("span.small.muted", {}, "Check by ear:"),
            check.layer("click", "A click on every beat: it should sit on the idea's beats"),
            heard.key || plan.key ? check.layer("drone", "The key's chord underneath: it should blend, not rub") : null,
            h("i.lg-gap"),
            parts(idea, heard.spans),
          ),
    );
  };
  const facts = () => {
    const [heard, plan] = [get("analysis"), get("plan")];
    if (!get("idea").id || !heard.tempo) return null;
    const { notes } = heard;
    return h(
      "div.lg-card",
      {},
      h("h3", {}, "What was heard"),
      h(
        "div.lg-facts",
        {},
        tempoFact(heard.tempo, plan),
        keyFact(heard.key, plan),
        tagFact("Genre", "genre", heard.genres, plan),
        tagFact("Mood", "mood", heard.moods, plan),
        chordsFact(plan),
      ),
      notes.length
        ? h("details", {}, h("summary", { "data-key": "remarks" }, `Remarks (${notes.length})`), bullets(notes))
        : null,
    );
  };
  return { sound, facts };
};
