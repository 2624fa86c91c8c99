// RESULTS: loop cards with their proof, and one gapless player for idea, loop or both.
const VERDICTS = {
  pass: ["check", "pass"],
  corrected: ["wrench", "corrected"],
  unproven: ["cross", "unproven"],
  failed: ["cross", "failed"],
  unknown: ["cross", "not measured"],
};
const MIXES = { idea: { idea: 1, loop: 0 }, loop: { idea: 0, loop: 1 }, both: { idea: 0.8, loop: 0.8 } };

const pianoRoll = (card) => {
  const { notes, low, high } = card.roll,
    canvas = h("canvas.lg-roll", { role: "img", "aria-label": `Piano roll, ${notes.length} notes` });
  const paint = () => {
    const width = canvas.clientWidth,
      height = canvas.clientHeight,
      scale = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d"),
      css = getComputedStyle(canvas);
    g.scale(scale, scale);
    const rows = Math.max(8, high - low + 3),
      tall = height / rows,
      bars = card.grid.bars;
    for (let row = 0; row < rows; row++)
      if ([1, 3, 6, 8, 10].includes((((high + 1 - row) % 12) + 12) % 12)) {
        g.fillStyle = css.getPropertyValue("--lg-beat-line");
        g.fillRect(0, row * tall, width, tall);
      }
    for (let beat = 1; beat < bars * card.grid.beatsPerBar; beat++) {
      g.fillStyle = css.getPropertyValue(beat % card.grid.beatsPerBar ? "--lg-beat-line" : "--lg-bar-line");
      g.fillRect(Math.round((beat / bars / card.grid.beatsPerBar) * width), 0, 1, height);
    }
    for (const [start, length, pitch, velocity] of notes) {
      g.globalAlpha = 0.45 + (0.55 * velocity) / 127;
      g.fillStyle = css.getPropertyValue("--lg-accent");
      const x = start * width,
        y = (high + 1 - pitch) * tall;
      g.beginPath();
      if (g.roundRect) g.roundRect(x, y + 0.5, Math.max(2.5, length * width - 1), Math.max(2, tall - 1), 2);
      else g.rect(x, y, Math.max(2.5, length * width - 1), tall - 1);
      g.fill();
    }
    g.globalAlpha = 1;
  };
  new ResizeObserver(paint).observe(canvas);
  canvas.repaint = paint;
  canvas.classList.add("lg-wave-like");
  return canvas;
};

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "results");
    let context = null,
      transport = null,
      current = null,
      mixName = "both",
      timer = 0,
      request = 0;
    const waves = new Map(),
      plays = new Map(),
      open = new Set();

    const stop = () => {
      transport?.stop();
      show();
    };
    quiet.add(stop);
    const cardOf = (id) => (model.get("groups") || []).flatMap((g) => g.loops).find((l) => l.id === id);

    const show = () => {
      const share = transport?.share() ?? null;
      for (const [id, wave] of waves) wave.progress(id === current ? share : null);
      for (const [id, play] of plays) {
        const on = id === current && !!transport?.playing;
        showPlaying(play, on, { play: "Play this loop" });
        play.closest(".lg-loop")?.classList.toggle("playing", on);
      }
      const card = current && cardOf(current);
      if (card) {
        const beats = card.grid.bars * card.grid.beatsPerBar,
          beat = share === null ? 0 : Math.min(beats - 1, Math.floor(share * beats));
        where.textContent =
          share === null
            ? ""
            : `bar ${Math.floor(beat / card.grid.beatsPerBar) + 1} · beat ${(beat % card.grid.beatsPerBar) + 1}`;
      }
      cancelAnimationFrame(timer);
      if (transport?.playing) timer = requestAnimationFrame(show);
    };

    /** Bring a loop (and the idea under it) to the player; while playing it takes over in phase. */
    const load = async (id) => {
      const mine = ++request;
      deckTitle.textContent = cardOf(id)?.title || "";
      note.hidden = true;
      const under = kernel.fetch(`idea:${id}`).catch((error) => {
        note.textContent = error.message;
        note.hidden = false;
        return null;
      });
      const loop = await kernel.fetch(`loop:${id}`),
        idea = await under;
      if (mine !== request) return false;
      if (!context || context.sampleRate !== loop.meta.rate) {
        transport?.close();
        context = new AudioContext({ sampleRate: loop.meta.rate });
        transport = new Transport(context);
        transport.master.gain.value = Number(volume.value);
      }
      const sameLength = transport.frames === loop.meta.samples;
      const wasPlaying = transport.playing;
      if (wasPlaying && !sameLength) transport.stop();
      transport.setMix(MIXES[mixName]);
      transport.set("loop", pcmBuffer(context, loop.bytes, loop.meta), loop.meta.gain);
      const silent = { channels: 1, samples: loop.meta.samples, rate: loop.meta.rate };
      transport.set(
        "idea",
        idea
          ? pcmBuffer(context, idea.bytes, idea.meta)
          : context.createBuffer(silent.channels, silent.samples, silent.rate),
        idea ? idea.meta.gain : 0,
      );
      if (idea && !idea.meta.together) {
        note.textContent = "The idea plays at its own tempo; only bar 1 lines up with this loop.";
        note.hidden = false;
      }
      current = id;
      if (wasPlaying && !transport.playing) transport.play();
      return true;
    };
    /** Fetch the best of the newest loops, and the idea under it, before play is pressed. */
    const ready = () => {
      const best = model.get("groups")?.[0]?.loops[0];
      if (best) for (const kind of ["loop", "idea"]) kernel.fetch(`${kind}:${best.id}`).catch(() => {}); // play says what failed
    };
    const toggle = async (id, share = 0) => {
      if (transport?.playing && current === id && !share) {
        stop();
        return;
      }
      quiet.claim(stop);
      const fresh = current !== id;
      if (
        fresh &&
        !(await load(id).catch((error) => {
          note.textContent = error.message;
          note.hidden = false;
          return false;
        }))
      )
        return;
      await context.resume();
      if (!transport.playing || !fresh) transport.play(share);
      show();
    };
    const setMix = (name) => {
      mixName = name;
      transport?.setMix(MIXES[name]);
      for (const b of deck.querySelectorAll("[data-mix]"))
        b.setAttribute("aria-checked", String(b.dataset.mix === name));
    };

    // ------------------------------------------------------------------------------------------------------------ deck
    const deckTitle = h("strong.clip", {}, "Press play on a loop"),
      where = h("span.small.muted.num", {}, "");
    const note = h("span.small.muted", { hidden: true, role: "status", style: { flexBasis: "100%" } });
    const volume = h("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      "aria-label": "Volume",
      oninput: () => {
        if (transport) transport.master.gain.value = Number(volume.value);
      },
    });
    volume.value = 0.9;
    const deck = h(
      "div.lg-deck",
      {},
      h(
        "div.lg-segments",
        { role: "radiogroup", "aria-label": "What to hear" },
        Object.keys(MIXES).map((name) =>
          h(
            "button",
            {
              type: "button",
              role: "radio",
              "aria-checked": String(name === mixName),
              "data-mix": name,
              onclick: () => setMix(name),
            },
            name[0].toUpperCase() + name.slice(1),
          ),
        ),
      ),
      h("div.grow.row", { style: { flexWrap: "nowrap" } }, deckTitle, where),
      h("label.row.small.muted.lg-hide-narrow", {}, "Volume", volume),
      note,
    );
    root.addEventListener("keydown", (event) => {
      if (
        /INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY/.test(event.target.tagName) &&
        !(event.key >= "1" && event.key <= "3" && event.target.tagName !== "INPUT")
      )
        return;
      if (event.key >= "1" && event.key <= "3") setMix(Object.keys(MIXES)[Number(event.key) - 1]);
      else if (event.key === " " && current) {
        event.preventDefault();
        toggle(current);
      }
    });
    root.tabIndex = -1;

    // ----------------------------------------------------------------------------------------------------------- cards
    const fold = (id, name, title, ...content) =>
      h(
        "details",
        {
          open: open.has(`${id}:${name}`),
          ontoggle: (event) => {
            event.target.open ? open.add(`${id}:${name}`) : open.delete(`${id}:${name}`);
          },
        },
        h("summary", { "data-key": `${name}-${id}` }, title),
        content,
      );
    const loopCard = (card, among) => {
      const [picture, word] = VERDICTS[card.verdict] || VERDICTS.unknown;
      const play = h(
        "button.lg-button.round.primary.t-play",
        {
          type: "button",
          "aria-label": "Play this loop",
          "data-key": `play-${card.id}`,
          onclick: () => toggle(card.id),
        },
        icon("play"),
      );
      const wave = waveform({
        peaks: card.peaks,
        grid: card.grid,
        height: 82,
        label: `Waveform of ${card.title}`,
        onseek: (share) => toggle(card.id, share || 1e-6),
      });
      waves.set(card.id, wave);
      plays.set(card.id, play);
      const kept = card.mark === "kept";
      return h(
        `article.lg-loop${kept ? ".kept" : ""}`,
        { "data-loop": card.id, "aria-label": card.title },
        h(
          "header",
          {},
          play,
          h(
            "div.grow",
            {},
            h(
              "div.row",
              { style: { rowGap: "2px" } },
              h("h3", {}, card.title),
              h(`span.lg-badge.${card.verdict}`, {}, icon(picture), word),
            ),
            h("p.small.muted.num", {}, card.facts),
          ),
          card.rank === 1 && among > 1 ? h("span.lg-badge.plain.lg-hide-narrow", {}, "best fit") : null,
          h(
            "button.lg-button.round",
            {
              type: "button",
              "aria-pressed": String(kept),
              title: kept ? "Kept" : "Keep",
              "aria-label": kept ? "Do not keep" : "Keep",
              "data-key": `keep-${card.id}`,
              onclick: () => kernel.send("mark", { id: card.id, mark: kept ? "" : "kept" }),
            },
            icon("star"),
          ),
          h(
            "button.lg-button.round.quiet",
            {
              type: "button",
              title: "Discard",
              "aria-label": "Discard",
              "data-key": `discard-${card.id}`,
              onclick: () => {
                if (current === card.id) stop();
                kernel.send("mark", { id: card.id, mark: "discarded" });
              },
            },
            icon("bin"),
          ),
        ),
        h(
          "div.stack",
          { style: { gap: "5px" } },
          wave,
          card.chords.length
            ? h(
                "div.lg-strip",
                { "aria-label": "Chords" },
                card.chords.map((c) => h("span", { title: c }, c === "N" ? "–" : c)),
              )
            : null,
        ),
        h(
          "div.row",
          {},
          card.badges.map((b) =>
            h(
              `span.lg-badge.${b.state}`,
              { title: b.why || null },
              icon(b.state === "pass" ? "check" : "cross"),
              `${b.label} ${b.text}`,
            ),
          ),
          card.labels.map((text) => h("span.lg-badge.plain", {}, text)),
        ),
        card.summary ? h("p.small", {}, card.summary) : null,
        card.corrections.length
          ? h(
              "p.small.muted",
              {},
              `${card.verdict === "corrected" ? "Corrected" : "Finished"}: ${card.corrections.join(", ")}.`,
            )
          : null,
        card.verdict === "failed" && card.reasons.length
          ? h("p.small", { style: { color: "var(--lg-bad)" } }, card.reasons.join(" "))
          : null,
        card.roll ? fold(card.id, "roll", "Piano roll", pianoRoll(card)) : null,
        fold(
          card.id,
          "fit",
          "Fit card and details",
          h(
            "div.lg-facts",
            { style: { marginTop: "8px" } },
            h(
              "table.lg-table",
              {},
              h(
                "tbody",
                {},
                card.numbers.map(([k, v]) => h("tr", {}, h("th", { scope: "row" }, k), h("td.num", {}, v))),
              ),
            ),
            h(
              "div.stack",
              { style: { alignContent: "start" } },
              card.why.length
                ? h(
                    "div",
                    {},
                    h("h4", {}, "Why it ranked here"),
                    h(
                      "ul.small.muted",
                      { style: { paddingLeft: "18px" } },
                      card.why.map((w) => h("li", {}, w)),
                    ),
                  )
                : null,
              card.reasons.length
                ? h(
                    "div",
                    {},
                    h("h4", {}, "Remarks"),
                    h(
                      "ul.small.muted",
                      { style: { paddingLeft: "18px" } },
                      card.reasons.map((w) => h("li", {}, w)),
                    ),
                  )
                : null,
              h(
                "div",
                {},
                h("h4", {}, "How it was made"),
                h(
                  "p.small.muted",
                  { style: { overflowWrap: "anywhere" } },
                  `${card.engine}${card.model ? `, ${card.model}` : ""} · seed ${card.seed}`,
                ),
                card.prompt ? h("p.small", {}, `“${card.prompt}”`) : null,
              ),
              card.license ? h("div", {}, h("h4", {}, "Licence"), h("p.small.muted", {}, card.license)) : null,
            ),
          ),
        ),
        h(
          "div.row",
          {},
          card.files
            .filter((f) => f !== "json")
            .map((f) =>
              saveButton(kernel, `${f}:${card.id}`, f === "mid" ? "MIDI" : "WAV", {
                "data-key": `${f}-${card.id}`,
                "data-file": f,
              }),
            ),
          button("Variations", () => kernel.send("variation", { id: card.id }), {
            picture: "dice",
            "data-key": `vary-${card.id}`,
          }),
          button("Same again", () => kernel.send("again", { id: card.id }), {
            picture: "loop",
            title: "Puts this loop's settings and seed into MODE",
            "data-key": `again-${card.id}`,
          }),
          button("Use as new idea", () => kernel.send("as_idea", { id: card.id }), {
            picture: "loop",
            "data-key": `idea-${card.id}`,
          }),
        ),
      );
    };

    root.append(deck);
    region(model, root, ["message"], () => notice(model.get("message")));
    const list = region(model, root, ["groups"], () => {
      waves.clear();
      plays.clear();
      const groups = model.get("groups") || [],
        all = groups.flatMap((g) => g.loops);
      deck.hidden = !all.length;
      if (!all.length)
        return h(
          "div.lg-empty",
          {},
          "No loops yet. Choose an instrument in MODE and press Generate; the loops appear here.",
        );
      const kept = all.filter((l) => l.mark === "kept"),
        shown = all.filter((l) => l.mark !== "discarded"),
        chosen = kept.length ? kept : shown;
      const drawn = groups.map((group, i) => {
        const loops = group.loops.filter((l) => l.mark !== "discarded"),
          gone = group.loops.length - loops.length;
        return h(
          "section.stack",
          { style: { marginTop: "14px" } },
          h(
            "div.row",
            {},
            h("h3.grow", {}, group.title),
            i === 0 ? h("span.small.faint", {}, "newest") : null,
            gone
              ? h(
                  "button.lg-chip",
                  {
                    type: "button",
                    "data-key": `undo-${i}`,
                    onclick: () => {
                      for (const l of group.loops)
                        if (l.mark === "discarded") kernel.send("mark", { id: l.id, mark: "" });
                    },
                  },
                  `${gone} discarded · bring back`,
                )
              : null,
          ),
          (group.notes || []).length
            ? h(
                "div.lg-remarks",
                {},
                group.notes.map((n) => h("p", {}, n)),
              )
            : null,
          loops.map((card) => loopCard(card, group.loops.length)),
        );
      });
      const ids = chosen.map((l) => l.id);
      return [
        h(
          "div.row",
          { style: { margin: "12px 2px 0" } },
          h(
            "span.small.muted.grow",
            { title: model.get("options")?.folder || "" },
            `Saved in the folder ${(model.get("options")?.folder || "loops").split(/[\\/]/).pop()}`,
          ),
          model.get("options")?.drive ? button("Save to Drive", () => kernel.send("drive", { ids })) : null,
          saveButton(
            kernel,
            `zip:${ids.join("|")}`,
            kept.length ? `ZIP of ${kept.length} kept` : `ZIP of all ${ids.length}`,
            { "data-key": "zip" },
          ),
        ),
        drawn,
        model.get("options")?.older
          ? h(
              "p.small.muted",
              { style: { marginTop: "12px" } },
              `${model.get("options").older} older runs are in the folder too.`,
            )
          : null,
      ];
    });
    root.addEventListener("lg-theme", () => {
      for (const canvas of root.querySelectorAll(".lg-wave-like")) canvas.repaint();
    });
    model.on("change:groups", () => {
      show();
      ready();
    });
    el.lgPlayer = {
      get transport() {
        return transport;
      },
      get current() {
        return current;
      },
      get mix() {
        return mixName;
      },
    };
    return () => {
      quiet.remove(stop);
      transport?.close();
      list.replaceChildren();
      close();
    };
  },
};
