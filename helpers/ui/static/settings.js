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

  const instruments = () => {
    const now = get("form").instrument;
    const wrong = get("wrong").instrument;
    const items = (get("choices").favourites || []).map((f) => ({
      chosen: f.name === now && !wrong,
      el: h(
        "button.lg-chip",
        { type: "button", "data-key": `instrument-${f.name}`, onclick: () => set("instrument", f.name) },
        h("i", { style: { background: ROLE_COLOURS[f.role] } }),
        f.name,
      ),
    }));
    return h(
      "div.stack",
      { style: { gap: "8px" } },
      choiceGroup("div.lg-tiles", "Instrument", items),
      h("input.t-instrument", {
        list: "lg-instruments",
        placeholder: "or any other instrument",
        "aria-label": "Any instrument",
        "data-key": "instrument",
        ...fieldOf(model, "instrument", now),
        onchange: (event) => set("instrument", event.target.value),
      }),
      wrongNote(model, "instrument", (choice) => set("instrument", choice)),
    );
  };

  const quietLink = (label, key, onclick) =>
    h("button.lg-button.quiet.tiny", { type: "button", "data-key": key, onclick }, label);

  const slider = (control, value, off, common) => {
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
      onchange: (event) => set(control.name, Number(event.target.value)),
    });
    slide.value = auto ? (control.min + control.max) / 2 : value;
    slide.classList.toggle("auto", auto);
    const free = quietLink("auto", `auto-${control.name}`, () => set(control.name, null));
    free.style.visibility = auto || control.fixed || off ? "hidden" : "visible"; // it keeps its room: labels do not jump
    const ends = off ? off : [h("span", {}, control.low), h("span", {}, control.high)];
    return h(
      `div.lg-field${off ? ".off" : ""}`,
      {},
      h("span", {}, control.label, h("span.row", {}, shown, free)),
      slide,
      h("small.lg-ends", {}, ends),
      wrongNote(model, control.name),
    );
  };

  const field = (control) => {
    const form = get("form");
    const off = get("plan").off?.[control.name];
    const own = control.name.startsWith("options.");
    const value = own ? form.options?.[control.name.slice(8)] : form[control.name];
    const common = {
      disabled: !!off,
      "data-key": control.name,
      "aria-label": control.label,
      title: off || control.help || null,
    };
    const change = (event) => set(control.name, event.target.value);
    if (control.kind === "share") return slider(control, value, off, common);
    if (control.kind === "check") {
      const box = h("input", {
        type: "checkbox",
        ...common,
        checked: !!value,
        onchange: (event) => set(control.name, event.target.checked),
      });
      return h(`label.lg-check${off ? ".off" : ""}`, { style: { alignSelf: "center" } }, box, control.label);
    }
    const shown = fieldOf(model, control.name, value);
    const options = (control.choices || []).map((c) =>
      h("option", { value: c, selected: shown.value === c }, c || control.empty),
    );
    const input =
      control.kind === "choice"
        ? h("select", { ...common, ...shown, onchange: change }, options)
        : h("input", {
            ...common,
            type: "text", // also numbers: a browser's number field loses what it cannot read, and rounds long seeds
            inputMode: control.kind === "number" ? "decimal" : null,
            placeholder: control.hint || "",
            ...shown,
            onchange: change,
          });
    const small = off || control.help;
    return h(
      `label.lg-field${off ? ".off" : ""}`,
      {},
      h("span", {}, control.label),
      input,
      small ? h("small", {}, small) : null,
      wrongNote(model, control.name),
    );
  };

  const engines = () => {
    const items = (get("plan").engines || []).map((e) => ({
      chosen: get("form").engine === e.name,
      el: h(
        `button.lg-button.lg-model${get("form").engine === e.name ? ".pressed" : ""}`,
        {
          type: "button",
          "data-key": `engine-${e.name}`,
          "data-engine": e.name,
          onclick: () => set("engine", e.name),
        },
        h(
          "span.row",
          {},
          h("strong", {}, e.title),
          h(`span.lg-badge.plain${e.ready ? ".pass" : ""}`, {}, e.ready ? "ready" : "not here"),
        ),
        h("span.small.muted", {}, e.ready ? e.good_at : e.reason),
      ),
    }));
    return h("div.stack", {}, h("h4", {}, "Model"), choiceGroup("div.lg-fields.models", "Model", items));
  };

  const prompt = () => {
    const [plan, options] = [get("plan"), get("form").options || {}];
    const off = plan.off || {};
    if (off["options.prompt"]) return null;
    const area = (name, label, written) => {
      const key = `options.${name}`;
      const rewrite = quietLink("write it for me", `rewrite-${name}`, () => set(key, null));
      return h(
        `label.lg-field.wide${off[key] ? ".off" : ""}`,
        {},
        h("span", {}, label, options[name] ? rewrite : null),
        h("textarea", {
          rows: 2,
          disabled: !!off[key],
          value: options[name] ?? written ?? "",
          "data-key": key,
          onchange: (event) => set(key, event.target.value === written ? null : event.target.value),
        }),
        off[key] ? h("small", {}, off[key]) : null,
      );
    };
    return h(
      "div.stack",
      { style: { gap: "10px" } },
      h("h4", {}, "Words for the model"),
      h("div.lg-fields", {}, area("prompt", "Prompt", plan.prompt), area("negative_prompt", "Avoid", plan.negative)),
    );
  };

  /** What the chosen model cannot use is one line for all, not a row of grey fields. */
  const group = ({ title, controls }) => {
    const off = get("plan").off || {};
    const usable = controls.filter((c) => !off[c.name] && c.name !== "bars"); // bars are chosen with the chords
    if (!usable.length) return null;
    return h("div.stack", { style: { gap: "10px" } }, h("h4", {}, title), h("div.lg-fields", {}, usable.map(field)));
  };
  const unused = () => {
    const off = get("plan").off || {};
    const all = (get("plan").groups || []).flatMap((g) => g.controls).filter((c) => off[c.name]);
    if (!all.length) return null;
    const reasons = [...new Set(all.map((c) => off[c.name]))];
    const names = all.map((c) => c.label).join(", ");
    return h("p.small.muted.t-unused", {}, `Not for this model: ${names}. ${reasons.join(" ")}`);
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
      "div.stack",
      { style: { gap: "18px" } },
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
