// MODELS: what this machine can play, what each model needs, one button for the next step.
export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "readiness", "Models");
    const chosen = new Set();
    const job = () => model.get("job") || {};

    const badge = (row) =>
      h(`span.lg-badge${row.ready ? ".pass" : ""}`, {}, row.ready ? "ready" : row.short || "not yet");

    const why = (row) => {
      const left = `${(row.gib_left || 0).toFixed(1)} GB of weights come with the first use; tick it to fetch them now.`;
      if (row.ready) return row.gib_left ? left : "";
      const tick = row.installable ? [row.reason && "Tick it and press Install.", row.packages] : [row.remedy];
      return [row.reason, ...tick].filter(Boolean).join(" ");
    };

    const tick = (row) =>
      h("input", {
        type: "checkbox",
        checked: chosen.has(row.name),
        disabled: !!job().running,
        "data-key": row.name,
        onchange: (event) => {
          event.target.checked ? chosen.add(row.name) : chosen.delete(row.name);
          all.redraw();
        },
      });

    const line = (row) => {
      const name = h("label.lg-check", {}, row.installable ? tick(row) : null, h("strong", {}, row.title));
      return h(
        "tr",
        {},
        h("td", {}, name, h("div.muted.small", {}, row.good_at)),
        h("td", {}, badge(row), h("div.muted.small", {}, linked(why(row)))),
        h("td.num", {}, row.size),
        h("td.small.muted", {}, row.licence),
      );
    };

    const table = (report) => {
      const heads = ["Model", "State", "Size", "Licence of the weights"];
      return h(
        "table.lg-table.engines",
        {},
        h(
          "colgroup",
          {},
          [27, 38, 12, 23].map((share) => h("col", { style: { width: `${share}%` } })),
        ),
        h("thead", {}, h("tr", {}, ...heads.map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, [...report.engines, ...(report.extras || [])].map(line)),
      );
    };

    const next = (report) => {
      if (!report.next) return null;
      const press = () =>
        report.next.kind === "login"
          ? document.querySelector(".lg-login")?.scrollIntoView({ behavior: "smooth", block: "center" })
          : kernel.send("install", { names: [...chosen] });
      const label = chosen.size ? `Install ${chosen.size} chosen` : report.next.label;
      return h(
        "div.row.lg-step",
        {},
        button(label, press, { kind: "primary", picture: "down", disabled: !!job().running }),
        h("span.muted.small.grow", {}, report.next.hint || ""),
      );
    };

    const fact = ({ label, value, note }) =>
      h("div.lg-field", {}, h("span", {}, label), h("strong.num", {}, value), note ? h("small", {}, note) : null);

    const draw = () => {
      const report = model.get("report") || {};
      if (!report.engines) return null;
      if (model.get("served")) return h("p.small.muted", {}, report.line);
      return folded(
        "Models",
        report.line,
        h("div.lg-fields.facts", {}, report.machine.map(fact)),
        h("div", { style: { overflowX: "auto" } }, table(report)),
        h(
          "div.row",
          {},
          next(report),
          button("Check again", () => kernel.send("refresh"), { kind: "quiet", picture: "loop" }),
          button("Try every model", () => kernel.send("doctor"), {
            kind: "quiet",
            picture: "wrench",
            disabled: !!job().running,
          }),
        ),
      );
    };
    const all = region(model, root, ["report"], draw);
    model.on("change:job", () => {
      if (!!job().running !== all.busy) {
        all.busy = !!job().running;
        all.redraw();
      }
    });
    region(model, root, ["message"], () => notice(model.get("message")));
    jobPanel(model, root, kernel);
    return close;
  },
};
