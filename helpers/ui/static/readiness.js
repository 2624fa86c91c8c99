// MODELS and LOGIN: what this machine can run, what each model needs, one button for the next step.
export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "readiness");
    const chosen = new Set();
    const job = () => model.get("job") || {};

    const state = (engine) =>
      engine.ready
        ? h("span.lg-badge.pass", {}, icon("check"), "ready")
        : h("span.lg-badge.corrected", {}, icon("wrench"), engine.short || "not yet");

    const table = () => {
      const report = model.get("report") || { machine: [], engines: [] };
      return h(
        "div.lg-card",
        {},
        h(
          "div.row",
          {},
          h("h3.grow", {}, "What this machine can do"),
          button("Check again", () => kernel.send("refresh"), { kind: "quiet", picture: "loop" }),
          button("Try every model", () => kernel.send("doctor"), {
            kind: "quiet",
            picture: "wrench",
            disabled: !!job().running,
          }),
        ),
        h("p", {}, report.sentence || ""),
        h(
          "div.lg-fields.facts",
          {},
          report.machine.map((fact) =>
            h(
              "div.lg-field",
              {},
              h("span", {}, fact.label),
              h("strong.num", {}, fact.value),
              fact.note ? h("small", {}, fact.note) : null,
            ),
          ),
        ),
        h(
          "div",
          { style: { overflowX: "auto" } },
          h(
            "table.lg-table.engines",
            {},
            h(
              "colgroup",
              {},
              [27, 38, 12, 23].map((share) => h("col", { style: { width: `${share}%` } })),
            ),
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                ["Model", "State", "Size", "Licence of the weights"].map((t) => h("th", { scope: "col" }, t)),
              ),
            ),
            h(
              "tbody",
              {},
              [...report.engines, ...(report.extras || [])].map((engine) =>
                h(
                  "tr",
                  {},
                  h(
                    "td",
                    {},
                    h(
                      "label.lg-check",
                      {},
                      engine.installable
                        ? h("input", {
                            type: "checkbox",
                            checked: chosen.has(engine.name),
                            disabled: !!job().running,
                            "data-key": engine.name,
                            onchange: (event) => {
                              event.target.checked ? chosen.add(engine.name) : chosen.delete(engine.name);
                              all.redraw();
                            },
                          })
                        : null,
                      h("strong", {}, engine.title),
                    ),
                    h("div.muted.small", {}, engine.good_at),
                  ),
                  h(
                    "td",
                    {},
                    state(engine),
                    engine.ready
                      ? engine.gib_left
                        ? h(
                            "div.muted.small",
                            {},
                            `${engine.gib_left.toFixed(1)} GB of weights come with the first use; tick it to fetch them now.`,
                          )
                        : null
                      : h(
                          "div.muted.small",
                          {},
                          linked(
                            [
                              engine.reason,
                              ...(engine.installable
                                ? [engine.reason && "Tick it and press Install.", engine.packages]
                                : [engine.remedy]),
                            ]
                              .filter(Boolean)
                              .join(" "),
                          ),
                        ),
                  ),
                  h("td.num", {}, engine.size),
                  h("td.small", {}, engine.licence),
                ),
              ),
            ),
          ),
        ),
        report.next
          ? h(
              "div.row.lg-step",
              {},
              button(
                chosen.size ? `Install ${chosen.size} chosen` : report.next.label,
                () =>
                  report.next.kind === "login"
                    ? document.querySelector(".lg-login")?.scrollIntoView({ behavior: "smooth", block: "center" })
                    : kernel.send("install", { names: [...chosen] }),
                { kind: "primary", picture: "down", disabled: !!job().running },
              ),
              h("span.muted.small.grow", {}, report.next.hint || ""),
            )
          : null,
      );
    };
    const all = region(model, root, ["report"], table);
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
