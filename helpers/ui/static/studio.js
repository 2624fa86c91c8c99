// MODE: what was heard, the instrument, Normal or Advanced settings, Generate and its progress.
export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "studio", "Mode");
    const get = (name) => model.get(name) || {};
    const set = (name, value) => kernel.send("set", { name, value });
    const check = earCheck(model, kernel);
    const parts = settingsParts(model, kernel);

    const plannedWords = (form, plan) => {
      if (!plan.bpm) return "";
      const engine = (plan.engines || []).find((e) => e.name === plan.engine);
      const takes = form.mode === "advanced" ? form.takes : 3;
      return [
        `${takes} × ${plan.bars} bars of ${form.instrument} at ${Math.round(plan.bpm * 100) / 100} BPM`,
        plan.key ? ` in ${plan.key}` : "",
        ` (${plan.seconds.toFixed(1)} s)`,
        engine ? `, played by ${engine.title}` : "",
      ].join("");
    };

    const settings = () => {
      const [form, plan, wrong] = [get("form"), get("plan"), Object.values(get("wrong"))];
      const running = !!get("job").running;
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
      const stopped = wrong.length ? "One field above cannot be used as it is; its sentence says why." : plan.error;
      return h(
        "div.stack",
        { style: { gap: "14px" } },
        h("div.row", {}, h("h3.grow", {}, "Make a loop of"), tabs),
        parts.instruments(),
        (plan.notes || []).length
          ? h(
              "div.lg-remarks",
              {},
              plan.notes.map((n) => h("p", {}, n)),
            )
          : null,
        stopped && get("analysis").tempo ? notice({ text: stopped, tone: "warn" }) : null,
        h(
          "div.row",
          {},
          button("Generate", () => kernel.send("generate"), {
            kind: "primary.big",
            picture: "star",
            disabled: running || !!stopped || !get("analysis").tempo,
            "data-key": "generate",
          }),
          h("span.small.muted.num.grow", {}, get("analysis").tempo ? plannedWords(form, plan) : ""),
        ),
      );
    };

    const list = (id, words) =>
      h(
        "datalist",
        { id },
        (words || []).map((value) => h("option", { value })),
      );
    root.append(list("lg-keys", get("choices").keys), list("lg-instruments", get("choices").instruments));
    const heard = heardCard(model, kernel, check);
    region(model, root, ["idea", "analysis", "plan"], heard.sound);
    const card = h("div.lg-card");
    root.append(h("div", {}, card));
    const lower = region(model, card, ["form", "plan", "analysis", "wrong"], settings);
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
