// How running work looks: stage, progress, time left, Cancel, what is ready, log on demand. Made once and kept in step, so
// that a button never vanishes under a click and a screen reader hears a stage once.
const timeLeft = (seconds) =>
  seconds < 60 ? `about ${Math.max(1, Math.round(seconds))} s left` : `about ${Math.round(seconds / 60)} min left`;

/** Panels of one page call one another by window events: `playHere(id)` plays a loop in RESULTS. */
const playHere = (id) => window.dispatchEvent(new CustomEvent("loops-generator-play", { detail: id }));

/** `mine(job)` says whether a job belongs where this panel stands. */
const jobPanel = (model, root, kernel, mine = () => true) => {
  const stage = h("strong.grow.t-stage", { role: "status", "aria-live": "polite" });
  const left = h("span.muted.small.num.t-left");
  const cancel = button("Cancel", () => kernel.send("cancel"), { picture: "cross", "data-key": "cancel" });
  const bar = h("i");
  const track = h("div.lg-progress", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const head = h("div.row", {}, stage, left, cancel);
  const ready = h("div.row.t-ready");
  const end = h("div");
  const log = h("pre");
  const lines = h("details", {}, h("summary", {}, "Log"), log);
  const box = h("div.lg-job.stack", {}, head, track, end, lines);
  const write = (el, text) => {
    if (el.textContent !== text) el.textContent = text;
  };
  const playable = (job) => {
    const ids = job.ready || [];
    const shown = `${job.running} ${job.text} ${ids}`;
    if (ready.dataset.shown === shown) return;
    ready.dataset.shown = shown;
    const label = (i) => (job.running ? `Play take ${i + 1}` : "Play the best");
    ready.replaceChildren(
      ...ids.map((id, i) => button(label(i), () => playHere(id), { picture: "play", "data-key": `ready-${i}` })),
    );
    // It moves only when the job ends: a click dies with what it began on.
    end.replaceChildren(...[job.running ? ready : notice(job, ready)].filter(Boolean));
  };
  let stale = false; // its end has been read, and something else is asked for now
  const update = () => {
    const all = model.get("job") || {};
    const job = mine(all) ? all : {};
    const known = job.fraction !== null && job.fraction !== undefined;
    if (job.running) stale = false;
    box.hidden = (!job.running && !job.text) || stale;
    box.setAttribute("aria-busy", String(!!job.running));
    head.hidden = track.hidden = !job.running;
    lines.hidden = !(job.log || []).length || (!job.running && job.tone === "good");
    write(log, (job.log || []).join("\n"));
    playable(job);
    if (!job.running) return;
    const percent = known ? `${Math.round(job.fraction * 100)} %` : "";
    const remaining = job.left === null || job.left === undefined ? "" : timeLeft(job.left);
    write(stage, job.cancelling ? "Stopping after this step" : job.stage || "Starting");
    write(left, [percent, remaining].filter(Boolean).join(" · "));
    cancel.disabled = !!job.cancelling;
    track.classList.toggle("unknown", !known);
    track.setAttribute("aria-label", job.title || "Progress");
    bar.style.width = known ? `${job.fraction * 100}%` : "";
    if (known) track.setAttribute("aria-valuenow", Math.round(job.fraction * 100));
    else track.removeAttribute("aria-valuenow");
  };
  /** The settings have changed: what the last job ended with no longer speaks of them. */
  box.outdate = () => {
    stale = true;
    update();
  };
  model.on("change:job", update);
  update();
  root.append(box);
  return box;
};
