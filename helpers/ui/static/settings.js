// MODE, second part: the instrument, Normal or Advanced settings.
const ROLE_COLOURS = {
  bass: "#6f5bd8",
  chords: "#2f8fbf",
  pad: "#2c9c86",
  lead: "#d9772b",
  arpeggio: "#c2579b",
  drums: "#8a8a9c",
};

/** Drawing functions of the settings: `instruments()` and `advanced()`. */
const settingsParts = (model, kernel) => {
  const get = (name) => model.get(name) || {};
  const set = (name, value) => kernel.send("set", { name, value });

  /** The favourites as pills; any other instrument is typed into the field after them. */
  const instruments = () => {
    const now = get("form").instrument;
    const favourites = get("choices").favourites || [];
    const named = get("wrong").instrument || !favourites.some((f) => f.name === now);
    const items = favourites.map((f) => ({
      chosen: f.name === now && !named,
      el: chip([h("i", { style: { background: ROLE_COLOURS[f.role] } }), f.name], () => set("instrument", f.name), {
        "data-key": `instrument-${f.name}`,
      }),
    }));
    const other = h("input.t-instrument", {
      list: "lg-instruments",
      placeholder: "or any other instrument",
      "aria-label": "Any other instrument",
      "data-key": "instrument",
      ...fieldOf(model, "instrument", named ? now : ""),
      oninput: () => {
        for (const { el } of items) el.setAttribute("aria-checked", "false"); // what is being typed is meant
      },
      onchange: (event) => set("instrument", event.target.value.trim() || now),
    });
    const tiles = h("div.lg-tiles", {}, choiceGroup("div.lg-bare", "Instrument", items), other);
    return h(
      "div.stack",
      {},
      tiles,
      wrongNote(model, "instrument", (choice) => set("instrument", choice)),
    );
  };

  const quietLink = (label, key, onclick) =>
    h("button.lg-button.quiet.tiny", { type: "button", "data-key": key, onclick }, label);

  const slider = (control, value, common) => {
    const auto = value === null || value === undefined;
    const shown = h("output.num", {}, auto ? "auto" : Number(value).toFixed(2));
    const slide = h("input", {
      type: "range",
      min: control.min,
      max: control.max,
      step: control.step,
      ...common,
      oninput: (event) => {
        shown.textContent = Number(event.target.value).toFixed(2);
      },
    });
    slide.value = auto ? (control.min + control.max) / 2 : value;
    slide.classList.toggle("auto", auto);
    const free = quietLink("auto", `auto-${control.name}`, () => set(control.name, null));
    const ends = h("small.lg-ends", {}, h("span", {}, control.low), h("span", {}, control.high));
    return [h("span", {}, control.label, auto || control.fixed ? shown : h("span", {}, shown, free)), slide, ends];
  };

  const input = (control, value, common) => {
    const shown = fieldOf(model, control.name, value);
    const option = (c) => h("option", { value: c, selected: shown.value === c }, c || control.empty);
    const el =
      control.kind === "choice"
        ? h("select", { ...common, ...shown }, control.choices.map(option))
        : h("input", {
            ...common,
            type: "text", // also numbers: a browser's number field loses what it cannot read, and rounds long seeds
            inputMode: control.kind === "number" ? "decimal" : null,
            placeholder: control.hint || "",
            ...shown,
          });
    return [h("span", {}, control.label), el, control.help ? h("small", {}, control.help) : null];
  };

  const field = (control) => {
    const own = control.name.startsWith("options.");
    const value = own ? get("form").options?.[control.name.slice(8)] : get("form")[control.name];
    const common = {
      "data-key": control.name,
      "aria-label": control.label,
      onchange: (event) =>
        set(control.name, event.target.type === "checkbox" ? event.target.checked : event.target.value),
    };
    if (control.kind === "check")
      return h("label.lg-check", {}, h("input", { type: "checkbox", ...common, checked: !!value }), control.label);
    const parts = (control.kind === "share" ? slider : input)(control, value, common);
    return h("label.lg-field", {}, parts, wrongNote(model, control.name));
  };

  const engines = () => {
    const items = (get("plan").engines || []).map((e) => ({
      chosen: get("form").engine === e.name,
      el: h(
        "button.lg-button.lg-model",
        { type: "button", "data-key": `engine-${e.name}`, "data-engine": e.name, onclick: () => set("engine", e.name) },
        h("span.row", {}, h("strong", {}, e.title), e.ready ? null : h("span.lg-badge", {}, "not here")),
        h("span.small.muted", {}, e.ready ? e.good_at : e.reason),
      ),
    }));
    return part("Model", choiceGroup("div.lg-fields.models", "Model", items));
  };
  const part = (title, ...content) => h("div.stack", {}, h("h4", {}, title), content);

  const prompt = () => {
    const [plan, options] = [get("plan"), get("form").options || {}];
    const area = (name, label, written) => {
      const key = `options.${name}`;
      if (plan.off?.[key]) return null;
      const rewrite = quietLink("write it for me", `rewrite-${name}`, () => set(key, null));
      const text = h("textarea", {
        rows: 2,
        value: options[name] ?? written ?? "",
        "data-key": key,
        onchange: (event) => set(key, event.target.value === written ? null : event.target.value),
      });
      return h("label.lg-field.wide", {}, h("span", {}, label, options[name] ? rewrite : null), text);
    };
    const areas = [area("prompt", "Prompt", plan.prompt), area("negative_prompt", "Avoid", plan.negative)];
    return areas.some(Boolean) ? part("Words for the model", h("div.lg-fields", {}, areas)) : null;
  };

  /** What the chosen model cannot use is one line for all, not a row of grey fields. */
  const group = ({ title, controls }) => {
    const usable = controls.filter((c) => !get("plan").off?.[c.name] && c.name !== "bars"); // bars stand beside Generate
    const [checks, fields] = [usable.filter((c) => c.kind === "check"), usable.filter((c) => c.kind !== "check")];
    if (!usable.length) return null;
    return part(title, h("div.lg-fields", {}, fields.map(field)), h("div.row", {}, checks.map(field)));
  };
  const unused = () => {
    const off = get("plan").off || {};
    const all = (get("plan").groups || []).flatMap((g) => g.controls).filter((c) => off[c.name]);
    const reasons = [...new Set(all.map((c) => off[c.name]))].join(" ");
    return all.length ? small(`Not for this model: ${all.map((c) => c.label).join(", ")}. ${reasons}`) : null;
  };

  const advanced = () => {
    const loader = h("input.t-settings-file", {
      type: "file",
      accept: ".json,application/json",
      hidden: true,
      "aria-label": "Settings file",
      onchange: async () => {
        if (loader.files[0]) kernel.send("load", { text: await loader.files[0].text() });
      },
    });
    return h(
      "div.stack.wide-gap",
      {},
      engines(),
      (get("plan").groups || []).map(group),
      prompt(),
      unused(),
      h(
        "div.row",
        {},
        saveButton(kernel, "settings", "Save settings", { "data-key": "save-settings" }),
        button("Load settings", () => loader.click(), { picture: "up", "data-key": "load-settings" }),
        loader,
        button("Reset", () => kernel.send("reset"), { kind: "quiet", "data-key": "reset" }),
      ),
    );
  };
  return { instruments, advanced };
};
