// How running work looks: stage, progress, time left, Cancel, log on demand. Drawn again on every report.
let logOpen = false;
const jobView = (job, kernel) => {
  if (!job || (!job.running && !job.text)) return null;
  const share = job.fraction, known = share !== null && share !== undefined;
  const left = job.running && job.left !== null && job.left !== undefined ? `about ${job.left < 60 ? Math.max(1, Math.round(job.left)) + " s" : Math.round(job.left / 60) + " min"} left` : "";
  return h("div.lg-card.lg-job", { "aria-busy": !!job.running },
    job.running ? h("div.row", {},
      h("strong.grow.t-stage", { role: "status", "aria-live": "polite" }, job.cancelling ? "Stopping after this step" : job.stage || "Starting"),
      h("span.muted.small.num.t-left", {}, [known ? `${Math.round(share * 100)} %` : "", left].filter(Boolean).join(" · ")),
      button("Cancel", () => kernel.send("cancel"), { picture: "cross", disabled: !!job.cancelling, "data-key": "cancel" })) : null,
    job.running ? h(`div.lg-progress${known ? "" : ".unknown"}`, { role: "progressbar", "aria-label": job.title || "Progress", "aria-valuenow": known ? Math.round(share * 100) : null, "aria-valuemin": 0, "aria-valuemax": 100 },
      h("i", { style: known ? { width: `${share * 100}%` } : {} })) : null,
    job.running ? null : notice(job),
    (job.log || []).length ? h("details", { open: logOpen, ontoggle: (event) => { logOpen = event.target.open; } }, h("summary", { "data-key": "log" }, "Log"), h("pre", {}, job.log.join("\n"))) : null);
};
