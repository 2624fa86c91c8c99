// A loop's card: one row that plays, keeps and saves; everything else opens below it.
const VERDICTS = { pass: "fits", corrected: "fits, corrected", unproven: "unproven", failed: "does not fit" };

const pianoRoll = (card) => {
  const { notes, low, high } = card.roll;
  const canvas = h("canvas.lg-roll", { role: "img", "aria-label": `Piano roll, ${notes.length} notes` });
  const paint = () => {
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
    if (!width) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d");
    const css = getComputedStyle(canvas);
    g.scale(scale, scale);
    const rows = Math.max(8, high - low + 3);
    const tall = height / rows;
    const { bars, beatsPerBar } = card.grid;
    const fill = (name, x, y, w, tallness) => {
      g.fillStyle = css.getPropertyValue(name);
      g.fillRect(x, y, w, tallness);
    };
    for (let row = 0; row < rows; row++)
      if ([1, 3, 6, 8, 10].includes((((high + 1 - row) % 12) + 12) % 12))
        fill("--lg-beat-line", 0, row * tall, width, tall);
    for (let beat = 1; beat < bars * beatsPerBar; beat++)
      fill(
        beat % beatsPerBar ? "--lg-beat-line" : "--lg-bar-line",
        Math.round((beat / bars / beatsPerBar) * width),
        0,
        1,
        height,
      );
    for (const [start, length, pitch, velocity] of notes) {
      g.globalAlpha = 0.45 + (0.55 * velocity) / 127;
      g.fillStyle = css.getPropertyValue("--lg-accent");
      const [x, y] = [start * width, (high + 1 - pitch) * tall];
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

const bullets = (title, lines) =>
  lines.length
    ? h(
        "div",
        {},
        h("h4", {}, title),
        h(
          "ul.small.muted",
          {},
          lines.map((line) => h("li", {}, line)),
        ),
      )
    : null;

/** All that was measured and how the loop was made. */
const cardDetails = (card) => {
  const rows = card.numbers.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td.num", {}, value)),
  );
  const made = [card.engine, card.model].filter(Boolean).join(", ");
  const about = [
    bullets("Why it ranked here", card.why),
    bullets("Remarks", card.reasons),
    h(
      "div",
      {},
      h("h4", {}, "How it was made"),
      h("p.small.muted", {}, `${made} · seed `, h("code.t-seed", {}, card.seed)),
      card.prompt ? h("p.small", {}, `“${card.prompt}”`) : null,
    ),
    card.license ? h("div", {}, h("h4", {}, "Licence"), h("p.small.muted", {}, card.license)) : null,
  ];
  const caption = h("caption.visually-hidden", {}, `Fit card of ${card.title}`);
  return h("div.lg-facts", {}, h("table.lg-table", {}, caption, h("tbody", {}, rows)), h("div.stack", {}, about));
};

/**
 * `view` keeps what is open, `player` plays, `among` is the number of loops it was ranked with. `open`: a card of the newest
 * run stands open; older ones are one row.
 */
const loopCard = (model, kernel, player, view, card, { among, open }) => {
  const name = `${card.title}${card.idea ? ` for ${card.idea}` : ""}`;
  const key = (what) => `${what}-${card.id}`;
  const job = () => model.get("job") || {};
  const making = card.files.length === 0;
  const facts = [card.character, card.facts].filter(Boolean).join(" · ");
  const isOpen = view.open.has(card.id) ? view.open.get(card.id) : open;
  const round = (what, picture, label, pressed, onclick) =>
    h(
      `button.lg-button.round.small-round${what === "keep" ? "" : ".quiet"}`,
      {
        type: "button",
        title: label,
        "aria-label": `${label}: ${name}`,
        "aria-pressed": pressed,
        "data-key": key(what),
        onclick,
      },
      icon(picture),
    );
  const play = h(
    "button.lg-button.round.primary.t-play",
    { type: "button", "aria-label": `Play ${name}`, "data-key": key("play"), onclick: () => player.toggle(card.id) },
    icon("play"),
  );
  play.dataset.name = `Play ${name}`;
  const wave = waveform({
    peaks: card.peaks,
    grid: isOpen ? card.grid : null,
    height: isOpen ? 74 : 34,
    label: `Waveform of ${name}`,
    onseek: (share) => player.toggle(card.id, share || 1e-6),
  });
  view.waves.set(card.id, wave);
  view.plays.set(card.id, play);
  const kept = card.mark === "kept";
  const keep = round("keep", "star", kept ? "Kept" : "Keep", String(kept), () =>
    kernel.send("mark", { id: card.id, mark: kept ? "" : "kept" }),
  );
  const discard = round("discard", "bin", "Discard", null, () => {
    if (player.current === card.id) player.stop();
    kernel.send("mark", { id: card.id, mark: "discarded" });
  });
  const more = round("more", "fold", isOpen ? "Less" : "More", null, () => {
    view.open.set(card.id, !isOpen);
    view.redraw();
  });
  more.classList.toggle("up", isOpen);
  more.setAttribute("aria-expanded", String(isOpen));
  const bad = card.badges.filter((b) => b.state !== "pass");
  const word = h(`span.lg-verdict.${card.verdict}`, {}, VERDICTS[card.verdict] || "not measured");
  const head = h(
    "header",
    {},
    play,
    h(
      "div.lg-title",
      {},
      h(
        "div.row",
        {},
        h("h3.clip", { title: name }, card.title),
        word,
        card.rank === 1 && among > 1 ? h("span.lg-badge.plain", {}, "best fit") : null,
      ),
      h("p.small.muted.num.clip", { title: facts }, making ? "being ranked and written …" : facts),
    ),
    isOpen ? null : h("div.grow.lg-rowwave", {}, wave),
    making ? null : h("div.row.lg-acts", {}, keep, discard, more),
  );
  if (!isOpen) return h("article.lg-loop.row-only", { "data-loop": card.id, "aria-label": name }, head);

  const fold = (what, title, ...content) =>
    h(
      "details",
      {
        open: view.folds.has(key(what)),
        ontoggle: (event) => (event.target.open ? view.folds.add(key(what)) : view.folds.delete(key(what))),
      },
      h("summary", { "data-key": key(what) }, title),
      content,
    );
  const chords = card.chords.map((c) => h("span", { title: c }, c === "N" ? "–" : c));
  const badges = bad.map((b) => h(`span.lg-badge.${b.state}`, { title: b.why || null }, `${b.label} ${b.text}`));
  const labels = card.labels.map((text) => h("span.lg-badge.plain", {}, text));
  const busy = !!job().running;
  const act = (kind) => {
    view.open.set(card.id, true); // its progress and its answer are shown here, also once newer loops stand above
    kernel.send(kind, { id: card.id });
  };
  const press = (what, label, picture, kind) =>
    button(label, () => act(kind), {
      picture,
      "data-key": key(what),
      disabled: busy && kind !== "as_idea",
    });
  const saves = card.files
    .filter((f) => f !== "json")
    .map((f) =>
      saveButton(kernel, `${f}:${card.id}`, f === "mid" ? "MIDI" : "WAV", { "data-key": key(f), "data-file": f }),
    );
  const article = h(
    `article.lg-loop${kept ? ".kept" : ""}`,
    { "data-loop": card.id, "aria-label": name },
    head,
    h(
      "div.stack",
      { style: { gap: "5px" } },
      wave,
      chords.length ? h("div.lg-strip", { "aria-label": "Chords" }, chords) : null,
    ),
    card.words ? h("p.small.lg-words", { class: card.verdict === "failed" ? "bad" : null }, card.words) : null,
    bad.length || labels.length ? h("div.row", {}, badges, labels) : null,
    making
      ? null
      : h(
          "div.row",
          {},
          saves,
          press("vary", "Variations", "dice", "variation"),
          press("again", "Same again", "loop", "again"),
          press("idea", "Use as new idea", "up", "as_idea"),
        ),
    card.roll ? fold("roll", "Piano roll", pianoRoll(card)) : null,
    fold("fit", "Fit card and details", cardDetails(card)),
  );
  const said = model.get("message") || {};
  if (said.at === card.id && said.text) article.append(notice(said));
  if (job().at === card.id) view.jobHere(article);
  return article;
};
