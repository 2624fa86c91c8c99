// A loop's card: one row that plays, keeps and saves; everything else opens below it.
const KINDS = { wav: "WAV", mid: "MIDI" };
const VERDICTS = { pass: "fits", corrected: "fits, corrected", unproven: "unproven", failed: "does not fit" };
const FITS = ["pass", "corrected"];

const pianoRoll = (card) => {
  const { notes, low, high } = card.roll;
  const canvas = h("canvas.lg-roll", { role: "img", "aria-label": `Piano roll, ${notes.length} notes` });
  painted(canvas, canvas, (g, colour, width, height) => {
    const rows = Math.max(8, high - low + 3);
    const tall = height / rows;
    g.fillStyle = colour("--lg-beat-line");
    for (let row = 0; row < rows; row++)
      if ([1, 3, 6, 8, 10].includes((((high + 1 - row) % 12) + 12) % 12)) g.fillRect(0, row * tall, width, tall);
    gridLines(g, colour, card.grid, width, 0, height);
    g.fillStyle = colour("--lg-accent");
    for (const [start, length, pitch, velocity] of notes) {
      g.globalAlpha = 0.45 + (0.55 * velocity) / 127;
      const long = Math.max(2.5, length * width - 1);
      pill(g, start * width, (high + 1 - pitch) * tall + 0.5, long, Math.max(2, tall - 1), 2);
    }
  });
  return canvas;
};

const section = (title, ...content) => h("div", {}, h("h4", {}, title), content);

/** All that was measured and how the loop was made. */
const cardDetails = (card) => {
  const rows = card.numbers.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd.num", {}, value)));
  const made = [card.engine, card.model].filter(Boolean).join(", ");
  return h(
    "div.stack",
    {},
    h("dl.lg-numbers", { "aria-label": `Fit card of ${card.title}` }, rows),
    card.why.length ? section("Why it ranked here", small(card.why[0])) : null,
    card.reasons.length ? section("Remarks", bullets(card.reasons)) : null,
    section(
      "How it was made",
      small(`${made} · seed `, h("code.t-seed", {}, card.seed), card.prompt ? ` · ${card.prompt}` : ""),
      card.license ? small(`Licence: ${card.license}`) : null,
    ),
  );
};

/**
 * `view` keeps what is open, `player` plays, `among` is the number of loops it was ranked with, `run` numbers the presses on
 * Generate. `open`: the best of the newest run stands open; the others are one row.
 */
const loopCard = (model, kernel, player, view, card, { among, run, open }) => {
  const name = `${card.title}, run ${run}`;
  const key = (what) => ({ "data-key": `${what}-${card.id}` });
  const isOpen = view.open.has(card.id) ? view.open.get(card.id) : open;
  const kept = card.mark === "kept";
  const act = (what, picture, label, onclick, more = {}) =>
    roundButton(picture, `${label}: ${name}`, onclick, { kind: ".quiet", title: label, ...key(what), ...more });
  const play = playButton(`Play ${name}`, () => player.toggle(card.id), { kind: ".t-play", ...key("play") });
  const wave = waveform({
    peaks: card.peaks,
    grid: isOpen ? card.grid : null,
    height: isOpen ? 74 : 30,
    label: `Waveform of ${name}`,
    onseek: (share) => player.toggle(card.id, share || 1e-6),
  });
  view.waves.set(card.id, wave);
  view.plays.set(card.id, play);
  const mark = (value) => () => kernel.send("mark", { name: card.id, mark: value });
  const discard = () => {
    if (player.current === card.id) player.stop();
    mark("discarded")();
  };
  const unfold = () => {
    view.open.set(card.id, !isOpen);
    view.redraw();
  };
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
        h(`span.lg-verdict.${card.verdict}`, {}, VERDICTS[card.verdict] || "not measured"),
        card.rank === 1 && among > 1 && FITS.includes(card.verdict) ? h("span.lg-badge", {}, "best fit") : null,
      ),
      h("p.small.muted.num.clip", { title: card.character }, card.character),
    ),
    isOpen ? null : h("div.grow.lg-rowwave", {}, wave),
    h(
      "div.row.lg-acts",
      {},
      act("keep", "star", kept ? "Kept" : "Keep", mark(kept ? "" : "kept"), { "aria-pressed": String(kept) }),
      act("discard", "bin", "Discard", discard),
      act("more", isOpen ? "unfold" : "fold", isOpen ? "Less" : "More", unfold, { "aria-expanded": String(isOpen) }),
    ),
  );
  const selector = `article.lg-loop${isOpen ? "" : ".row-only"}${kept ? ".kept" : ""}`;
  const article = h(selector, { "data-loop": card.id, "aria-label": name }, head);
  if (!isOpen) return article;

  const fold = (what, title, content) =>
    h("details", {}, h("summary", { "aria-label": `${title}: ${name}`, ...key(what) }, title), content);
  const press = (what, label, picture, kind) => {
    const send = () => {
      view.open.set(card.id, true); // its progress and its answer are shown here, also once newer loops stand above
      kernel.send(kind, { name: card.id });
    };
    return button(label, send, {
      picture,
      "aria-label": `${label}: ${name}`,
      disabled: what === "vary" && !!model.get("job")?.running,
      ...key(what),
    });
  };
  const files = card.files.filter((f) => f !== "json");
  const saves = files.map((f) =>
    saveButton(kernel, `${f}:${card.id}`, KINDS[f], {
      "aria-label": `${KINDS[f]}: ${name}`,
      ...key(f),
      "data-file": f,
    }),
  );
  const chords = card.chords.map((c) => h("span", { title: c }, c === "N" ? "–" : c));
  const badges = card.badges.map((b) => h("span.lg-badge.failed", { title: b.why || null }, `${b.label} ${b.text}`));
  const labels = card.labels.map((text) => h("span.lg-badge", {}, text));
  article.append(
    ...[
      h("div", {}, wave, chords.length ? h("div.lg-strip", { "aria-label": "Chords" }, chords) : null),
      card.words ? h("p.small.lg-words", { class: card.verdict }, card.words) : null,
      badges.length || labels.length ? h("div.row", {}, badges, labels) : null,
      h(
        "div.row",
        {},
        saves,
        press("vary", "Variations", "dice", "variation"),
        press("again", "Same again", "loop", "again"),
        press("idea", "Use as new idea", "up", "as_idea"),
      ),
      card.roll ? fold("roll", "Piano roll", pianoRoll(card)) : null,
      fold("fit", "Fit card and details", cardDetails(card)),
      model.get("message")?.at === card.id ? notice(model.get("message")) : null,
    ].filter(Boolean),
  );
  if (model.get("job")?.at === card.id) view.jobHere(article);
  return article;
};
