// MODE: what was heard (checked by ear, changed with one click), Normal or Advanced settings, Generate and its progress.
const ROLE_COLOURS = {
  bass: "#6f5bd8",
  chords: "#2f8fbf",
  pad: "#2c9c86",
  lead: "#d9772b",
  arpeggio: "#c2579b",
  drums: "#8a8a9c",
};

/** Short sine bursts at the beats, higher and louder on bar lines. */
const clickBuffer = (context, frames, rate, beats, strong) => {
  const buffer = context.createBuffer(1, frames, rate),
    to = buffer.getChannelData(0);
  const bars = new Set(strong.map((t) => Math.round(t * 50)));
  for (const t of beats) {
    const high = bars.has(Math.round(t * 50)),
      hz = high ? 1760 : 1175,
      level = high ? 0.7 : 0.42,
      at = Math.round(t * rate);
    for (let i = 0; i < 0.05 * rate && at + i < frames; i++)
      if (at + i >= 0) to[at + i] += level * Math.exp(-i / (0.009 * rate)) * Math.sin((2 * Math.PI * hz * i) / rate);
  }
  return buffer;
};

/** A soft chord on the key's tonic: when it rubs, the key is wrong. */
const droneBuffer = (context, frames, rate, notes) => {
  const buffer = context.createBuffer(1, frames, rate),
    to = buffer.getChannelData(0);
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

const certainty = (c) =>
  h(
    "span.row.small.muted",
    { style: { gap: "7px" } },
    h(
      `span.lg-meter.${c.tone || "high"}`,
      { "aria-hidden": "true" },
      [1, 2, 3].map((n) => h(`i${n <= c.marks ? ".on" : ""}`)),
    ),
    c.word,
  );

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "studio");
    const get = (name) => model.get(name) || {};
    const set = (name, value) => kernel.send("set", { name, value });

    // ------------------------------------------------------------------------------------------ listening to the check
    let context = null,
      transport = null,
      loaded = null;
    const heardBy = { click: true, drone: false };
    let wave = null,
      playButton = null,
      timer = 0;
    const stop = () => {
      transport?.stop();
      draw();
    };
    quiet.add(stop);
    const drop = () => {
      transport?.close();
      transport = null;
      context = null;
      loaded = null;
    };
    const draw = () => {
      const share = transport?.share() ?? null;
      wave?.progress(
        share === null ? null : share * (loaded.seconds / Math.max(loaded.seconds, get("idea").seconds || 1)),
      );
      showPlaying(playButton, !!transport?.playing, { play: "Play the idea" });
      cancelAnimationFrame(timer);
      if (transport?.playing) timer = requestAnimationFrame(draw);
    };
    const mix = () => transport?.setMix({ idea: 1, click: heardBy.click ? 1 : 0, drone: heardBy.drone ? 1 : 0 });
    const listen = async () => {
      if (transport?.playing) {
        stop();
        return;
      }
      quiet.claim(stop);
      const key = `check:${get("idea").id}:${get("plan").bpm}:${get("plan").key}`;
      if (loaded?.key !== key) {
        drop();
        const { bytes, meta } = await kernel.fetch(key);
        context = new AudioContext({ sampleRate: meta.rate });
        transport = new Transport(context);
        transport.set("idea", pcmBuffer(context, bytes, meta), meta.gain * 0.8);
        transport.set("click", clickBuffer(context, meta.samples, meta.rate, meta.beats, meta.strong), 0.8);
        if (meta.drone.length) transport.set("drone", droneBuffer(context, meta.samples, meta.rate, meta.drone), 0.9);
        loaded = { key, seconds: meta.samples / meta.rate };
      }
      await context.resume();
      mix();
      transport.play();
      draw();
    };
    const layer = (name, label, why) =>
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

    // --------------------------------------------------------------------------------------------------- what was heard
    const taps = [];
    const tap = () => {
      const now = performance.now();
      if (taps.length && now - taps[taps.length - 1] > 2500) taps.length = 0;
      taps.push(now);
      if (taps.length > 9) taps.shift();
      if (taps.length < 4) return;
      set("bpm", Math.round(((60000 * (taps.length - 1)) / (taps[taps.length - 1] - taps[0])) * 10) / 10);
    };
    const changed = (name, original) =>
      get("form")[name] === null || get("form")[name] === undefined
        ? null
        : h(
            "button.lg-chip",
            {
              type: "button",
              title: "Back to what was heard",
              "data-key": `undo-${name}`,
              onclick: () => set(name, null),
            },
            original ? `heard: ${original}` : "as heard",
          );

    const tempoFact = (heard, plan) =>
      h(
        "div.lg-fact",
        {},
        h("h4", {}, "Tempo"),
        h(
          "div.lg-big",
          {},
          h("input.num.t-bpm", {
            inputMode: "decimal",
            value: plan.bpm ? String(Math.round(plan.bpm * 100) / 100) : "",
            placeholder: "unknown",
            "aria-label": "Tempo in BPM",
            "data-key": "bpm",
            onchange: (event) => set("bpm", event.target.value),
          }),
          h("small", {}, `BPM · ${heard.meter}`),
        ),
        heard.bpm === null
          ? h("p.small.muted", {}, "No steady tempo was heard. Type it, or tap along.")
          : certainty(heard.confidence),
        h(
          "div.row",
          {},
          changed("bpm", heard.bpm ? `${heard.bpm}` : ""),
          (heard.others || []).map((o) =>
            h(
              "button.lg-chip.t-bpm-other",
              {
                type: "button",
                "aria-pressed": String(get("form").bpm === o.bpm),
                "data-relation": o.relation,
                "data-key": `bpm-${o.bpm}`,
                onclick: () => set("bpm", o.bpm),
              },
              h("span.num", {}, o.label),
              h("span.faint", {}, o.relation),
            ),
          ),
          h(
            "button.lg-chip",
            { type: "button", title: "Tap four times or more in time", "data-key": "tap", onclick: tap },
            "tap",
          ),
        ),
        heard.length ? h("p.small.muted", {}, `The file is ${heard.length}.`) : null,
      );

    const keyFact = (heard, plan) =>
      h(
        "div.lg-fact",
        {},
        h("h4", {}, "Key"),
        h(
          "div.lg-big",
          {},
          h("input.key.t-key", {
            value: plan.key || get("form").key || (heard ? heard.name : ""),
            placeholder: "unknown",
            "aria-label": "Key",
            list: "lg-keys",
            "data-key": "key",
            onchange: (event) => set("key", event.target.value),
          }),
        ),
        heard === null
          ? h("p.small.muted", {}, "No key was heard (drums, or too little tone). Tonal parts need one: type it.")
          : certainty(heard.confidence),
        h(
          "div.row",
          {},
          changed("key", heard?.name),
          (heard?.others || []).map((o) =>
            h(
              "button.lg-chip.t-key-other",
              {
                type: "button",
                "aria-pressed": String(get("form").key === o.name),
                "data-key": `key-${o.name}`,
                onclick: () => set("key", o.name),
              },
              o.name,
              h("span.faint", {}, o.relation),
            ),
          ),
        ),
        heard?.tuning ? h("p.small.muted", {}, `Tuned ${heard.tuning}.`) : null,
      );

    const chordsFact = (plan) => {
      const bars = plan.chords || [];
      return h(
        "div.lg-fact.wide",
        {},
        h(
          "div.row",
          {},
          h("h4.grow", {}, `Chords of the ${plan.bars} bars`),
          changed("chords", ""),
          h(
            "label.row.small.muted",
            { style: { gap: "6px" } },
            "Bars",
            h(
              "select.t-bars",
              {
                "aria-label": "Bars",
                "data-key": "bars",
                style: { width: "68px" },
                onchange: (event) => set("bars", event.target.value),
              },
              [...new Set([1, 2, 4, 8, 12, 16, get("form").bars])]
                .sort((a, b) => a - b)
                .map((n) => h("option", { value: n, selected: n === get("form").bars }, String(n))),
            ),
          ),
        ),
        bars.length
          ? h(
              "div.lg-chords",
              {},
              bars.map((text, bar) =>
                h(
                  "label",
                  {},
                  h("span.num", {}, `bar ${bar + 1}`),
                  h("input.t-chord", {
                    value: text,
                    "aria-label": `Chords of bar ${bar + 1}`,
                    "data-key": `chord-${bar}`,
                    spellcheck: false,
                    onchange: (event) => kernel.send("chord", { bar, text: event.target.value }),
                  }),
                ),
              ),
            )
          : h(
              "div.row",
              {},
              h("p.small.muted.grow", {}, "No chords were heard; the part will follow the key."),
              button("Write chords", () => kernel.send("chord", { bar: 0, text: "N" }), { "data-key": "write-chords" }),
            ),
      );
    };

    const tagFact = (title, name, tags) => {
      const value = get("form")[name];
      return h(
        "div.lg-fact",
        {},
        h("h4", {}, title),
        tags.length
          ? h(
              "div.row",
              {},
              tags.map((tag, i) =>
                h(
                  "button.lg-chip",
                  {
                    type: "button",
                    "aria-pressed": String(value ? value === tag.label : i === 0),
                    "data-key": `${name}-${tag.label}`,
                    onclick: () => set(name, tag.label),
                  },
                  tag.label,
                  h("span.faint.num", {}, `${tag.score} %`),
                ),
              ),
            )
          : h("p.small.muted", {}, "Unknown. Write your own, or leave it open."),
        h("input", {
          value: value || "",
          placeholder: tags.length ? "or write your own" : `${title.toLowerCase()}, in your words`,
          "aria-label": title,
          "data-key": name,
          onchange: (event) => set(name, event.target.value),
        }),
      );
    };

    const card = () => {
      const idea = get("idea"),
        heard = get("analysis"),
        plan = get("plan");
      if (!idea.id)
        return h(
          "div.lg-empty",
          {},
          "No idea yet. Upload one in the UPLOAD cell above; what was heard in it appears here.",
        );
      const lines = (heard.downbeats || []).map((t) => ({ at: t / idea.seconds, strong: true }));
      wave = waveform({ peaks: idea.peaks, tone: "idea", height: 56, lines, label: `Waveform of ${idea.name}` });
      playButton = h(
        "button.lg-button.round.primary.t-listen",
        {
          type: "button",
          "aria-label": "Play the idea",
          onclick: () => listen(),
          disabled: !heard.tempo,
          "data-key": "listen",
        },
        icon("play"),
      );
      const top = h(
        "div.row",
        { style: { flexWrap: "nowrap" } },
        playButton,
        h(
          "div.grow",
          {},
          h(
            "div.row",
            {},
            h("strong.clip.grow", { title: idea.name }, idea.name),
            h("span.faint.small.num", {}, clock(idea.seconds)),
          ),
          wave,
        ),
      );
      if (!heard.tempo) return h("div.lg-card", {}, top, h("p.muted.small", {}, "Listening …"));
      return h(
        "div.lg-card",
        {},
        h("h3", {}, "What was heard"),
        top,
        h(
          "div.row",
          {},
          h("span.small.muted", {}, "Check by ear:"),
          layer("click", "click", "A click on every beat: it should sit on the idea's beats"),
          heard.key || plan.key
            ? layer("drone", "drone", "The key's chord underneath: it should blend, not rub")
            : null,
          h("span.faint.small.lg-hide-narrow", {}, "the click should land on the beats, the drone should blend"),
        ),
        h(
          "div.lg-facts",
          {},
          tempoFact(heard.tempo, plan),
          keyFact(heard.key, plan),
          chordsFact(plan),
          tagFact("Genre", "genre", heard.genres),
          tagFact("Mood", "mood", heard.moods),
        ),
        (heard.notes || []).length
          ? h(
              "details",
              {},
              h("summary", { "data-key": "remarks" }, `Remarks (${heard.notes.length})`),
              h(
                "ul.small.muted",
                { style: { paddingLeft: "18px" } },
                heard.notes.map((n) => h("li", {}, n)),
              ),
            )
          : null,
      );
    };

    // -------------------------------------------------------------------------------------------------------- settings
    const instruments = () => {
      const { favourites = [] } = get("choices"),
        now = get("form").instrument;
      return h(
        "div.stack",
        {},
        h("h3", {}, "Instrument"),
        h(
          "div.lg-tiles",
          { role: "radiogroup", "aria-label": "Instrument" },
          favourites.map((f) =>
            h(
              "button.lg-chip",
              {
                type: "button",
                role: "radio",
                "aria-checked": String(f.name === now),
                "data-key": `instrument-${f.name}`,
                style: { "--dot": "" },
                onclick: () => set("instrument", f.name),
              },
              h("i", { style: { background: ROLE_COLOURS[f.role] } }),
              f.name,
            ),
          ),
        ),
        h("input.t-instrument", {
          value: now || "",
          list: "lg-instruments",
          placeholder: "or any other instrument",
          "aria-label": "Any instrument",
          "data-key": "instrument",
          onchange: (event) => set("instrument", event.target.value),
        }),
      );
    };

    const field = (control) => {
      const form = get("form"),
        off = get("plan").off?.[control.name];
      const own = control.name.startsWith("options.");
      const value = own ? form.options?.[control.name.slice(8)] : form[control.name];
      const common = {
        disabled: !!off,
        "data-key": control.name,
        "aria-label": control.label,
        title: off || control.help || null,
      };
      let input;
      if (control.kind === "choice")
        input = h(
          "select",
          { ...common, onchange: (event) => set(control.name, event.target.value) },
          control.choices.map((c) => h("option", { value: c, selected: (value || "") === c }, c || control.empty)),
        );
      else if (control.kind === "check")
        return h(
          `label.lg-check${off ? ".off" : ""}`,
          { style: { alignSelf: "center" } },
          h("input", {
            type: "checkbox",
            ...common,
            checked: !!value,
            onchange: (event) => set(control.name, event.target.checked),
          }),
          control.label,
        );
      else if (control.kind === "share") {
        const auto = value === null || value === undefined,
          shown = h("output.num", {}, auto ? "auto" : Number(value).toFixed(2));
        const slide = h("input", {
          type: "range",
          min: control.min,
          max: control.max,
          step: control.step,
          ...common,
          oninput: (event) => {
            shown.textContent = Number(event.target.value).toFixed(2);
          },
          onchange: (event) => set(control.name, Number(event.target.value)),
        });
        slide.value = auto ? (control.min + control.max) / 2 : value;
        slide.classList.toggle("auto", auto);
        return h(
          `div.lg-field${off ? ".off" : ""}`,
          {},
          h(
            "span",
            {},
            control.label,
            h(
              "span.row",
              { style: { gap: "8px" } },
              shown,
              auto || control.fixed || off
                ? null
                : h(
                    "button.lg-button.quiet",
                    {
                      type: "button",
                      style: { minHeight: "0", padding: "0 4px", fontSize: "12px" },
                      "data-key": `auto-${control.name}`,
                      onclick: () => set(control.name, null),
                    },
                    "auto",
                  ),
            ),
          ),
          slide,
          h(
            "small",
            { style: { display: "flex", justifyContent: "space-between" } },
            off ? off : [h("span", {}, control.low), h("span", {}, control.high)],
          ),
        );
      } else
        input = h("input", {
          ...common,
          type: control.kind === "number" ? "number" : "text",
          min: control.min,
          max: control.max,
          step: control.step,
          placeholder: control.hint || "",
          value: value ?? "",
          onchange: (event) => set(control.name, event.target.value),
        });
      return h(
        `label.lg-field${off ? ".off" : ""}`,
        {},
        h("span", {}, control.label),
        input,
        off || control.help ? h("small", {}, off || control.help) : null,
      );
    };

    const engines = () =>
      h(
        "div.stack",
        {},
        h("h3", {}, "Model"),
        h(
          "div.lg-fields",
          {
            role: "radiogroup",
            "aria-label": "Model",
            style: { gridTemplateColumns: "repeat(auto-fill, minmax(min(188px, 100%), 1fr))" },
          },
          (get("plan").engines || []).map((e) =>
            h(
              `button.lg-button.lg-model${get("form").engine === e.name ? ".pressed" : ""}`,
              {
                type: "button",
                role: "radio",
                "aria-checked": String(get("form").engine === e.name),
                "data-key": `engine-${e.name}`,
                "data-engine": e.name,
                onclick: () => set("engine", e.name),
              },
              h(
                "span.row",
                { style: { gap: "8px" } },
                h("strong", {}, e.title),
                h(`span.lg-badge.plain${e.ready ? ".pass" : ""}`, {}, e.ready ? "ready" : "not here"),
              ),
              h("span.small.muted", {}, e.good_at),
              e.ready ? null : h("span.small.faint", {}, e.reason),
            ),
          ),
        ),
      );

    const prompt = () => {
      const plan = get("plan"),
        off = plan.off || {},
        options = get("form").options || {};
      const area = (name, label, value, written) =>
        h(
          `label.lg-field.wide${off[`options.${name}`] ? ".off" : ""}`,
          {},
          h(
            "span",
            {},
            label,
            options[name]
              ? h(
                  "button.lg-button.quiet",
                  {
                    type: "button",
                    style: { minHeight: "0", padding: "0 4px", fontSize: "12px" },
                    onclick: () => set(`options.${name}`, null),
                  },
                  "write it for me",
                )
              : null,
          ),
          h("textarea", {
            rows: 2,
            disabled: !!off[`options.${name}`],
            value: options[name] ?? value ?? "",
            "data-key": `options.${name}`,
            onchange: (event) => set(`options.${name}`, event.target.value === written ? null : event.target.value),
          }),
          off[`options.${name}`] ? h("small", {}, off[`options.${name}`]) : null,
        );
      if (off["options.prompt"]) return h("p.small.muted", {}, off["options.prompt"]);
      return h(
        "div.lg-fields",
        {},
        area("prompt", "Prompt", plan.prompt, plan.prompt),
        area("negative_prompt", "Negative prompt", plan.negative, plan.negative),
      );
    };

    const advanced = () => {
      const loader = h("input", {
        type: "file",
        accept: ".json,application/json",
        hidden: true,
        "aria-label": "Settings file",
        class: "t-settings-file",
        onchange: async () => {
          if (loader.files[0]) kernel.send("load", { text: await loader.files[0].text() });
        },
      });
      loader.className = "t-settings-file";
      return h(
        "div.stack",
        { style: { gap: "20px" } },
        engines(),
        (get("plan").groups || []).map((group) =>
          h(
            "div.stack",
            { style: { gap: "10px" } },
            h("h4", {}, group.title),
            h("div.lg-fields", {}, group.controls.map(field)),
          ),
        ),
        h("div.stack", { style: { gap: "10px" } }, h("h4", {}, "Words for the model"), prompt()),
        h(
          "div.row",
          {},
          saveButton(kernel, "settings", "Save settings", { "data-key": "save-settings" }),
          button("Load settings", () => loader.click(), { picture: "up", "data-key": "load-settings" }),
          loader,
          button("Reset", () => kernel.send("reset"), { kind: "quiet", "data-key": "reset" }),
        ),
      );
    };

    const settings = () => {
      const form = get("form"),
        plan = get("plan"),
        running = !!get("job").running;
      const tab = (name, label) =>
        h(
          "button",
          {
            type: "button",
            role: "tab",
            "aria-selected": String(form.mode === name),
            "data-key": `mode-${name}`,
            "data-mode": name,
            onclick: () => set("mode", name),
          },
          label,
        );
      const engine = (plan.engines || []).find((e) => e.name === plan.engine);
      return h(
        "div.lg-card",
        { style: { gap: "18px" } },
        h(
          "div.row",
          {},
          h(
            "div.lg-segments.grow",
            { role: "tablist", "aria-label": "Mode", style: { flex: "none" } },
            tab("normal", "Normal"),
            tab("advanced", "Advanced"),
          ),
          h(
            "span.small.muted.lg-hide-narrow",
            {},
            form.mode === "advanced"
              ? "Everything that can be set."
              : "Choose an instrument; everything else follows the idea.",
          ),
        ),
        instruments(),
        form.mode === "advanced" ? advanced() : null,
        plan.error ? notice({ text: plan.error, tone: "warn" }) : null,
        (plan.notes || []).length
          ? h(
              "div.lg-remarks",
              {},
              plan.notes.map((n) => h("p", {}, n)),
            )
          : null,
        h(
          "div.row",
          {},
          button("Generate", () => kernel.send("generate"), {
            kind: "primary.big",
            picture: "star",
            disabled: running || !!plan.error || !get("analysis").tempo,
            "data-key": "generate",
          }),
          plan.bpm
            ? h(
                "span.small.muted.num.grow",
                {},
                `${form.mode === "advanced" ? form.takes : 3} × ${plan.bars} bars of ${form.instrument} at `,
                `${Math.round(plan.bpm * 100) / 100} BPM${plan.key ? ` in ${plan.key}` : ""} `,
                `(${plan.seconds.toFixed(1)} s)${engine ? `, played by ${engine.title}` : ""}`,
              )
            : null,
        ),
      );
    };

    root.append(
      h(
        "datalist",
        { id: "lg-keys" },
        (get("choices").keys || []).map((k) => h("option", { value: k })),
      ),
      h(
        "datalist",
        { id: "lg-instruments" },
        (get("choices").instruments || []).map((i) => h("option", { value: i })),
      ),
    );
    region(model, root, ["idea", "analysis", "plan"], card);
    const lower = region(model, root, ["form", "plan", "analysis"], settings);
    let wasRunning = false;
    model.on("change:job", () => {
      const now = !!get("job").running;
      if (now !== wasRunning) {
        wasRunning = now;
        lower.redraw();
      }
    });
    jobPanel(model, root, kernel);
    region(model, root, ["message"], () => notice(model.get("message")));
    model.on("change:idea", stop);
    return () => {
      quiet.remove(stop);
      drop();
      close();
    };
  },
};
