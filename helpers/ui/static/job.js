// How running work looks: stage, progress, time left, Cancel, log on demand. Made once and kept in step, so that a button
// never vanishes under a click and a screen reader hears a stage once.
const timeLeft = (seconds) =>
  seconds < 60 ? `about ${Math.max(1, Math.round(seconds))} s left` : `about ${Math.round(seconds / 60)} min left`;

const jobPanel = (model, root, kernel) => {
  const stage = h("strong.grow.t-stage", { role: "status", "aria-live": "polite" }),
    left = h("span.muted.small.num.t-left");
  const cancel = button("Cancel", () => kernel.send("cancel"), { picture: "cross", "data-key": "cancel" });
  const bar = h("i"),
    track = h("div.lg-progress", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const head = h("div.row", {}, stage, left, cancel),
    end = h("div"),
    log = h("pre");
  const lines = h("details", {}, h("summary", {}, "Log"), log),
    card = h("div.lg-card.lg-job", {}, head, track, end, lines);
  const write = (el, text) => {
    if (el.textContent !== text) el.textContent = text;
  };
  const update = () => {
    const job = model.get("job") || {},
      known = job.fraction !== null && job.fraction !== undefined;
    card.hidden = !job.running && !job.text;
    card.setAttribute("aria-busy", String(!!job.running));
    head.hidden = track.hidden = !job.running;
    end.hidden = !!job.running;
    lines.hidden = !(job.log || []).length;
    write(log, (job.log || []).join("\n"));
    if (!job.running) {
      end.replaceChildren(...[notice(job)].filter(Boolean));
      return;
    }
    write(stage, job.cancelling ? "Stopping after this step" : job.stage || "Starting");
    write(
      left,
      [
        known ? `${Math.round(job.fraction * 100)} %` : "",
        job.left === null || job.left === undefined ? "" : timeLeft(job.left),
      ]
        .filter(Boolean)
        .join(" · "),
    );
    cancel.disabled = !!job.cancelling;
    track.classList.toggle("unknown", !known);
    track.setAttribute("aria-label", job.title || "Progress");
    bar.style.width = known ? `${job.fraction * 100}%` : "";
    known
      ? track.setAttribute("aria-valuenow", Math.round(job.fraction * 100))
      : track.removeAttribute("aria-valuenow");
  };
  model.on("change:job", update);
  update();
  root.append(h("div", {}, card));
};
