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
  const choices = wrong.choices.map((c) => h("button.lg-chip", { type: "button", onclick: () => take(c) }, c));
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
    showPlaying(check.play, !!transport?.playing, { play: "Play the idea" });
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
  check.layer = (name, label, why) =>
    h(
      "button.lg-chip",
      {
        type: "button",
        "aria-pressed": String(heardBy[name]),
        title: why,
        "data-key": `layer-${name}`,
        onclick: (event) => {
          heardBy[name] = !heardBy[name];
          event.currentTarget.setAttribute("aria-pressed", String(heardBy[name]));
          mix();
        },
      },
      label,
    );
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
    isOwn(name) || get("wrong")?.[name]
      ? h(
          "button.lg-chip",
          {
            type: "button",
            title: "Back to what was heard",
            "data-key": `undo-${name}`,
            onclick: () => set(name, null),
          },
          original ? `heard: ${original}` : "as heard",
        )
      : null;
  const chip = (selector, pressed, key, onclick, ...content) =>
    h(selector, { type: "button", "aria-pressed": String(pressed), "data-key": key, onclick }, content);

  const tempoFact = (heard, plan) => {
    const others = (heard.others || []).map((o) => {
      const el = chip(
        "button.lg-chip.t-bpm-other",
        get("form").bpm === o.bpm,
        `bpm-${o.bpm}`,
        () => set("bpm", o.bpm),
        h("span.num", {}, o.label),
        h("span.faint", {}, o.relation),
      );
      el.dataset.relation = o.relation;
      return el;
    });
    const doubt = get("wrong").bpm
      ? null
      : isOwn("bpm")
        ? h("span.small.muted", {}, "as you say")
        : heard.bpm === null
          ? h("p.small.muted", {}, "No steady tempo was heard. Type it, or tap along.")
          : certainty(heard.confidence);
    const input = h("input.num.t-bpm", {
      inputMode: "decimal",
      placeholder: "unknown",
      "aria-label": "Tempo in BPM",
      "data-key": "bpm",
      ...fieldOf(model, "bpm", plan.bpm ? String(Math.round(plan.bpm * 100) / 100) : ""),
      onchange: (event) => set("bpm", event.target.value),
    });
    return h(
      "div.lg-fact",
      {},
      h("h4", {}, "Tempo"),
      h("div.lg-big", {}, input, h("small", {}, `BPM · ${heard.meter}`)),
      wrongNote(model, "bpm"),
      doubt,
      h(
        "div.row",
        {},
        back("bpm", heard.bpm ? `${heard.bpm}` : ""),
        others,
        h(
          "button.lg-chip",
          { type: "button", title: "Tap four times or more in time", "data-key": "tap", onclick: tap },
          "tap",
        ),
      ),
    );
  };

  const keyFact = (heard, plan) => {
    const doubt = get("wrong").key
      ? null
      : isOwn("key")
        ? h("span.small.muted", {}, "as you say")
        : heard === null
          ? h("p.small.muted", {}, "No key was heard; a part with notes needs one: type it.")
          : certainty(heard.confidence);
    const input = h("input.key.t-key", {
      placeholder: "unknown",
      "aria-label": "Key",
      list: "lg-keys",
      "data-key": "key",
      ...fieldOf(model, "key", plan.key || get("form").key || heard?.name || ""),
      onchange: (event) => set("key", event.target.value),
    });
    const others = (heard?.others || []).map((o) =>
      chip(
        "button.lg-chip.t-key-other",
        get("form").key === o.name,
        `key-${o.name}`,
        () => set("key", o.name),
        o.name,
        h("span.faint", {}, o.relation),
      ),
    );
    return h(
      "div.lg-fact",
      {},
      h("h4", {}, "Key"),
      h("div.lg-big", {}, input),
      wrongNote(model, "key"),
      doubt,
      h("div.row", {}, back("key", heard?.name), others),
      heard?.tuning ? h("p.small.muted", {}, `Tuned ${heard.tuning}.`) : null,
    );
  };

  const chordsFact = (plan) => {
    const bars = plan.chords || [];
    const counts = [...new Set([1, 2, 4, 8, 12, 16, get("form").bars])].sort((a, b) => a - b);
    const choose = h(
      "select.t-bars",
      { "aria-label": "Bars", "data-key": "bars", onchange: (event) => set("bars", event.target.value) },
      counts.map((n) => h("option", { value: n, selected: n === get("form").bars }, String(n))),
    );
    const box = (text, bar) =>
      h(
        "label",
        {},
        h("span.num", {}, `bar ${bar + 1}`),
        h("input.t-chord", {
          "aria-label": `Chords of bar ${bar + 1}`,
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
      h(
        "div.row",
        {},
        h("h4.grow", {}, plan.bars ? `Chords of the ${plan.bars} bars` : "Chords"),
        back("chords", ""),
        h("label.row.small.muted", {}, "Bars", choose),
      ),
      wrongNote(model, "bars"),
      bars.length
        ? h("div.lg-chords", {}, bars.map(box))
        : h(
            "div.row",
            {},
            h("p.small.muted.grow", {}, "No chords were heard; the part will follow the key."),
            button("Write chords", write, { "data-key": "write-chords" }),
          ),
      bars.map((_, bar) => wrongNote(model, `chord-${bar}`)),
      wrongNote(model, "chords"),
    );
  };

  const tagFact = (title, name, tags) => {
    const value = get("form")[name];
    const known = tags.map((tag) =>
      chip(
        "button.lg-chip",
        value === tag.label,
        `${name}-${tag.label}`,
        () => set(name, value === tag.label ? null : tag.label),
        tag.label,
        h("span.faint.num", {}, `${tag.score} %`),
      ),
    );
    return h(
      "div.lg-fact",
      {},
      h("h4", {}, title),
      known.length ? h("div.row", {}, known) : null,
      h("input", {
        placeholder: known.length ? "or in your words" : "not heard; write your own, or leave it open",
        "aria-label": title,
        "data-key": name,
        ...fieldOf(model, name, value),
        onchange: (event) => set(name, event.target.value),
      }),
      wrongNote(model, name),
    );
  };

  const remarks = (notes) =>
    h(
      "details",
      {},
      h("summary", { "data-key": "remarks" }, `Remarks (${notes.length})`),
      h(
        "ul.small.muted",
        {},
        notes.map((n) => h("li", {}, n)),
      ),
    );

  const sound = () => {
    const [idea, heard, plan] = [get("idea"), get("analysis"), get("plan")];
    if (!idea.id) return h("div.lg-empty", {}, "No idea yet: upload one above, or try the example idea.");
    const lines = (heard.downbeats || []).map((t) => ({
      at: (t + (idea.span?.[0] || 0)) / idea.seconds,
      strong: true,
    }));
    check.wave = waveform({
      peaks: idea.peaks,
      tone: "idea",
      height: 52,
      lines,
      label: `Waveform of ${idea.name}`,
      span: idea.span?.map((at) => at / idea.seconds),
      ondrag: (from, to) => kernel.send("span", { span: [from * idea.seconds, to * idea.seconds] }),
    });
    check.play = h(
      "button.lg-button.round.primary.t-listen",
      {
        type: "button",
        "aria-label": "Play the idea",
        onclick: check.toggle,
        disabled: !heard.tempo,
        "data-key": "listen",
      },
      icon("play"),
    );
    const length = idea.span ? `${clock(idea.span[0])} to ${clock(idea.span[1])}` : clock(idea.seconds);
    const whole = button("Whole idea", () => kernel.send("span", { span: null }), {
      "data-key": "whole",
      kind: "quiet",
    });
    const top = h(
      "div.row",
      { style: { flexWrap: "nowrap" } },
      check.play,
      h(
        "div.grow",
        {},
        h(
          "div.row",
          {},
          h("strong.clip.grow", { title: idea.name }, idea.name),
          idea.span ? whole : null,
          h("span.faint.small.num", {}, [heard.tempo?.length, length].filter(Boolean).join(" · ")),
        ),
        check.wave,
      ),
    );
    const drone = heard.key || plan.key;
    return h(
      "div.lg-card",
      {},
      top,
      heard.tempo
        ? h(
            "div.row",
            {},
            h("span.small.muted", {}, "Check by ear:"),
            check.layer("click", "click", "A click on every beat: it should sit on the idea's beats"),
            drone ? check.layer("drone", "drone", "The key's chord underneath: it should blend, not rub") : null,
            h("span.faint.small.grow.lg-hide-narrow", {}, "Draw over the waveform to make the loop for a part of it."),
          )
        : h("p.muted.small", {}, "Listening …"),
    );
  };
  const facts = () => {
    const [heard, plan] = [get("analysis"), get("plan")];
    if (!get("idea").id || !heard.tempo) return null;
    return h(
      "div.lg-card",
      {},
      h("h3", {}, "What was heard"),
      h(
        "div.lg-facts.heard",
        {},
        tempoFact(heard.tempo, plan),
        keyFact(heard.key, plan),
        tagFact("Genre", "genre", heard.genres),
        tagFact("Mood", "mood", heard.moods),
        chordsFact(plan),
      ),
      (heard.notes || []).length ? remarks(heard.notes) : null,
    );
  };
  return { sound, facts };
};
