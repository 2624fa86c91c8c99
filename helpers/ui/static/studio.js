// MODE: what was heard, the instrument, Normal or Advanced settings, Generate and its progress.
export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "studio", "Mode");
    const get = (name) => model.get(name) || {};
    const set = (name, value) => kernel.send("set", { name, value });
    const choices = get("choices");
    const check = earCheck(model, kernel);
    const parts = settingsParts(model, kernel);

    /** What Generate would make, in one line; what stands in the way comes first. */
    const plannedWords = (form, plan) => {
      if (!get("idea").id) return "Save an idea first, or try the example.";
      if (!get("analysis").tempo || !plan.bpm) return "";
      const takes = form.mode === "advanced" ? form.takes : choices.takes;
      const engine = (plan.engines || []).find((e) => e.name === plan.engine);
      const count = `${takes} take${takes > 1 ? "s" : ""}`;
      const facts = [count, `${Math.round(plan.bpm * 100) / 100} BPM`, plan.key, `${plan.seconds.toFixed(1)} s`];
      return [...facts, engine?.title].filter(Boolean).join(" · ");
    };

    const bars = (form) => {
      const counts = [...new Set([1, 2, 4, 8, 12, 16, form.bars])].sort((a, b) => a - b);
      const options = counts.map((n) => h("option", { value: n, selected: n === form.bars }, String(n)));
      const choose = (event) => set("bars", event.target.value);
      return h("label.row.small", {}, "Bars", h("select.t-bars", { "data-key": "bars", onchange: choose }, options));
    };

    const settings = () => {
      const [form, plan, wrong] = [get("form"), get("plan"), Object.values(get("wrong"))];
      const tab = (name, label) => ({
        chosen: form.mode === name,
        el: h(
          "button",
          { type: "button", "data-key": `mode-${name}`, "data-mode": name, onclick: () => set("mode", name) },
          label,
        ),
      });
      const tabs = choiceGroup(
        "div.lg-segments",
        "Mode",
        [tab("normal", "Normal"), tab("advanced", "Advanced")],
        "tab",
      );
      const stopped = wrong.length ? "Change what is marked red first." : plan.error;
      return h(
        "div.stack",
        {},
        h("div.row", {}, h("h3.grow", {}, "Make a loop of"), tabs),
        parts.instruments(),
        plan.notes?.length
          ? h(
              "div.lg-remarks",
              {},
              plan.notes.map((n) => small(n)),
            )
          : null,
        stopped && get("analysis").tempo ? notice({ text: stopped, tone: "warn" }) : null,
        wrongNote(model, "bars"),
        h(
          "div.row.lg-go",
          {},
          button("Generate", () => kernel.send("generate"), {
            kind: "primary.big",
            picture: "star",
            disabled: !!get("job").running || !!stopped || !get("analysis").tempo,
            "data-key": "generate",
          }),
          bars(form),
          h("span.small.muted.num.grow", {}, plannedWords(form, plan)),
        ),
      );
    };

    const list = (id, words) =>
      h(
        "datalist",
        { id },
        (words || []).map((value) => h("option", { value })),
      );
    root.append(list("lg-keys", choices.keys), list("lg-instruments", choices.instruments));
    const heard = heardCard(model, kernel, check);
    region(model, root, ["idea", "analysis", "plan"], heard.sound);
    const card = h("div.lg-card");
    root.append(h("div", {}, card));
    const lower = region(model, card, ["idea", "form", "plan", "analysis", "wrong"], settings);
    let wasRunning = false;
    const follow = () => {
      const now = !!get("job").running;
      if (now !== wasRunning) {
        wasRunning = now;
        lower.redraw();
      }
    };
    model.on("change:job", follow);
    const job = jobPanel(model, card, kernel, (view) => !view.at);
    model.on("change:form", job.outdate);
    model.on("change:wrong", job.outdate);
    region(model, card, ["message"], () => notice(model.get("message")));
    region(model, root, ["idea", "analysis", "form", "plan", "wrong"], heard.facts);
    region(model, root, ["form", "plan", "wrong"], () =>
      get("form").mode === "advanced" ? h("div.lg-card.t-advanced", {}, parts.advanced()) : null,
    );
    model.on("change:idea", check.stop);
    return () => {
      check.close();
      close();
    };
  },
};
