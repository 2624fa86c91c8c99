// Shared by every panel: building the page, theme, regions that follow the kernel. No library, no CDN.

/** Build an element: h("button.lg-button", { onclick, title }, "text", child, ...). Falsy children are left out. */
const h = (tag, props = {}, ...children) => {
  const [name, ...classes] = tag.split(".");
  const el = document.createElement(name || "div");
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(el.style, value);
    else if (key === "class") el.classList.add(value);
    else if (key in el && key !== "list" && key !== "form") el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  el.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
};

const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  stop: "M6.5 6.5h11v11h-11z",
  down: "M11 4h2v8.2l3-3 1.4 1.4L12 16l-5.4-5.4L8 9.2l3 3zM5 18h14v2H5z",
  up: "M11 16V7.8l-3 3-1.4-1.4L12 4l5.4 5.4-1.4 1.4-3-3V16zM5 18h14v2H5z",
  check: "M9.5 17.3 4.6 12.4l1.5-1.5 3.4 3.4 8.4-8.4 1.5 1.5z",
  cross: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12 19 17.6 17.6 19 12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  wrench: "M21 7.5a5 5 0 0 1-6.7 4.7l-7.6 7.6a1.7 1.7 0 0 1-2.5-2.5l7.6-7.6A5 5 0 0 1 18.5 3.4l-3 3 .7 2.4 2.4.7z",
  star: "M12 3.5l2.6 5.3 5.9.9-4.2 4.1 1 5.8-5.3-2.7-5.3 2.7 1-5.8L3.5 9.7l5.9-.9z",
  bin: "M9 3h6l1 2h4v2H4V5h4zM6 9h12l-1 12H7z",
  dice:
    "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z" +
    "m3.5 3.8a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4zm7 7a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z" +
    "M12 10.3a1.7 1.7 0 1 0 0 3.4 1.7 1.7 0 0 0 0-3.4z",
  fold: "M7.4 9.2 12 13.8l4.6-4.6L18 10.6l-6 6-6-6z",
  unfold: "M7.4 15.4 12 10.8l4.6 4.6L18 14l-6-6-6 6z",
  loop: "M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z",
};

const icon = (name) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("lg-icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
};

const button = (label, onclick, { kind = "", picture = "", ...rest } = {}) =>
  h(
    `button.lg-button${kind ? `.${kind}` : ""}`,
    { type: "button", onclick, ...rest },
    picture ? icon(picture) : null,
    h("span", {}, label),
  );

/** Arrow keys in a group of radios or tabs: the next one gets the focus and is chosen, as in any form. */
const arrowKeys = (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step && event.key !== "Home" && event.key !== "End") return;
  const all = [...event.currentTarget.querySelectorAll('[role="radio"], [role="tab"]')];
  const at = all.indexOf(event.target.closest('[role="radio"], [role="tab"]'));
  if (at < 0) return;
  event.preventDefault();
  const next = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : (at + step + all.length) % all.length;
  all[next].focus();
  all[next].click();
};

/** A group of choices, one of which is chosen: one stop for the Tab key, arrows inside. `items`: [{ chosen, el }]. */
const choiceGroup = (selector, label, items, role = "radio") => {
  const any = items.some((item) => item.chosen);
  items.forEach(({ chosen, el }, i) => {
    el.setAttribute("role", role);
    el.setAttribute(role === "tab" ? "aria-selected" : "aria-checked", String(!!chosen));
    el.tabIndex = chosen || (!any && i === 0) ? 0 : -1;
  });
  const group = role === "tab" ? "tablist" : "radiogroup";
  return h(
    selector,
    { role: group, "aria-label": label, onkeydown: arrowKeys },
    items.map((item) => item.el),
  );
};

/** A round button that shows a picture; `label` says what it does, and what to. */
const roundButton = (picture, label, onclick, { kind = "", ...rest } = {}) =>
  h(`button.lg-button.round${kind}`, { type: "button", "aria-label": label, onclick, ...rest }, icon(picture));

/** A play button; `showPlaying` turns it into Stop or Pause and back. */
const playButton = (label, onclick, { kind = "", ...rest } = {}) =>
  roundButton("play", label, onclick, { kind: `.primary${kind}`, "data-name": label, ...rest });

/** Its picture is replaced only on a change: a click dies with what it began on. */
const showPlaying = (el, on, stop = "stop") => {
  if (!el || el.dataset.on === String(on)) return;
  el.dataset.on = String(on);
  el.replaceChildren(icon(on ? stop : "play"));
  el.setAttribute("aria-label", on ? (stop === "pause" ? "Pause" : "Stop") : el.dataset.name);
};

/** A pill that does something at once; a switch where `pressed` is given. */
const chip = (content, onclick, { pressed, ...rest } = {}) =>
  h(
    "button.lg-chip",
    { type: "button", "aria-pressed": pressed === undefined ? null : String(!!pressed), onclick, ...rest },
    content,
  );

/** Text in a `<p>` or a list, small and quiet. */
const small = (...text) => h("p.small.muted", {}, text);
const bullets = (lines) =>
  h(
    "ul.small.muted",
    {},
    lines.map((line) => h("li", {}, line)),
  );

const clock = (seconds) => {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** Light or dark, read from what lies behind the panel, so that any front end's theme is met. */
const watchTheme = (root) => {
  const read = () => {
    let node = root.parentElement,
      colour = null;
    while (node && !colour) {
      const [r, g, b, a = "1"] = getComputedStyle(node).backgroundColor.match(/[\d.]+/g) || ["0", "0", "0", "0"];
      if (Number(a) > 0.5) colour = [r, g, b].map(Number);
      node = node.parentElement || (node.getRootNode() instanceof ShadowRoot ? node.getRootNode().host : null);
    }
    const dark = colour
      ? 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 128
      : matchMedia("(prefers-color-scheme: dark)").matches && !document.body.dataset.jpThemeLight;
    if (root.dataset.theme !== (dark ? "dark" : "light")) {
      root.dataset.theme = dark ? "dark" : "light";
      root.dispatchEvent(new CustomEvent("lg-theme"));
    }
  };
  const observer = new MutationObserver(() => {
    read();
    setTimeout(read, 400);
  });
  for (const node of [document.documentElement, document.body]) observer.observe(node, { attributes: true });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", read);
  requestAnimationFrame(read);
  setTimeout(read, 250);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", read);
  };
};

/** Text as children for h(): addresses become links. */
const linked = (text) =>
  String(text || "")
    .split(/(https:\/\/[^\s,;]*[^\s,;.)])/)
    .map((part, i) =>
      i % 2 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part.replace("https://", "")) : part,
    );

/** A sentence for the musician; the details stay folded. */
const notice = (message, ...more) => {
  if (!message?.text) return null;
  return h(
    `div.lg-notice.${message.tone || "info"}`,
    { role: message.tone === "bad" ? "alert" : "status" },
    h("p", {}, linked(message.text)),
    message.details ? h("details", {}, h("summary", {}, "Details"), h("pre", {}, message.details)) : null,
    more,
  );
};

/**
 * What one looks at stays where it is when something is drawn above it: `find()` gives the element before and after a
 * redraw; the page is scrolled by as much as it moved.
 */
const heldInView = (find) => () => {
  const before = find()?.getBoundingClientRect().top;
  return () => {
    const el = find();
    if (before === undefined || !el) return;
    let scroller = el.parentElement;
    while (
      scroller &&
      !(scroller.scrollHeight > scroller.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(scroller).overflowY))
    )
      scroller = scroller.parentElement;
    (scroller || document.scrollingElement).scrollTop += el.getBoundingClientRect().top - before;
  };
};

/** What is undone when a panel's view goes: `onClose(root, undo)`, or `onClose` of anything inside that panel. */
const undoing = new WeakMap();
const onClose = (inside, undo) => {
  const root = inside.closest?.(".lg") || inside;
  undoing.set(root, [...(undoing.get(root) || []), undo]);
};

/**
 * Keep one region of a panel in step with some traits: `draw` gives its children anew whenever one changes.
 * What someone is typing at that moment stays: the field keeps focus, text and caret, and reports its change on leaving.
 * What is unfolded stays so: folds are known by the `data-key` of their summary.
 */
const region = (model, root, traits, draw) => {
  const el = h("div");
  let drawing = false,
    pressed = false,
    waiting = false;
  const redraw = () => {
    if (pressed) {
      waiting = true;
      return;
    } // a click dies when what it began on is replaced before the button is let go
    const old = el.contains(document.activeElement) ? document.activeElement : null;
    const typed = old?.dataset.typed ? [old.value, old.selectionStart, old.selectionEnd] : null;
    const whole = old?.selectionEnd > 0 && old.selectionStart === 0 && old.selectionEnd === old.value.length;
    drawing = true;
    const seen = el.steady?.();
    const unfolded = [...el.querySelectorAll("details[open] > [data-key]")].map((summary) => summary.dataset.key);
    el.replaceChildren(...[draw()].flat(3).filter((c) => c !== null && c !== undefined && c !== false));
    for (const summary of el.querySelectorAll("details > [data-key]"))
      if (unfolded.includes(summary.dataset.key)) summary.parentElement.open = true;
    const now = old?.dataset.key ? el.querySelector(`[data-key="${CSS.escape(old.dataset.key)}"]`) : null;
    now?.focus({ preventScroll: true });
    seen?.();
    if (whole && !typed) now?.select?.(); // what is typed next still replaces it
    if (now && typed) {
      now.value = typed[0];
      now.dataset.typed = "1";
      if (typed[1] !== null && now.setSelectionRange && now.type !== "number")
        now.setSelectionRange(typed[1], typed[2]);
    }
    drawing = false;
  };
  el.addEventListener("input", (event) => {
    event.target.dataset.typed = "1";
  });
  el.addEventListener(
    "change",
    (event) => {
      if (drawing)
        event.stopPropagation(); // the browser reports what is half typed when its field is replaced
      else delete event.target.dataset.typed;
    },
    true,
  );
  el.addEventListener("focusout", (event) => {
    if (!drawing && event.target.dataset.typed) event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });
  el.addEventListener("pointerdown", () => {
    pressed = true;
  });
  el.addEventListener("keydown", (event) => {
    pressed ||= event.key === " "; // which presses a button when it is let go
  });
  const release = () => {
    if (!pressed) return;
    pressed = false;
    if (waiting) {
      waiting = false;
      setTimeout(redraw, 30);
    }
  };
  const ends = ["pointerup", "pointercancel", "dragend", "keyup"];
  for (const name of ends) window.addEventListener(name, release, true);
  for (const name of traits) model.on(`change:${name}`, redraw);
  redraw();
  root.append(el);
  el.redraw = redraw;
  onClose(root, () => {
    for (const name of ends) window.removeEventListener(name, release, true);
    for (const name of traits) model.off(`change:${name}`, redraw);
  });
  return el;
};

/** Only one panel sounds at a time, also across cells that live in frames of their own. */
const quiet = (() => {
  const me = Math.random(),
    stops = new Set();
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("loops-generator");
  if (channel)
    channel.onmessage = (event) => {
      if (event.data !== me) for (const stop of stops) stop();
    };
  return {
    claim(stop) {
      for (const other of stops) if (other !== stop) other();
      channel?.postMessage(me);
    },
    add(stop) {
      stops.add(stop);
    },
    remove(stop) {
      stops.delete(stop);
    },
  };
})();

/** Who this browser is on a page that is served to visitors: an id that nobody else can guess, kept by the browser. */
const visitorId = () => {
  const name = "loops-generator-visitor";
  const fresh = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  try {
    const kept = localStorage.getItem(name);
    if (/^[0-9a-f]{32}$/.test(kept || "")) return kept;
    localStorage.setItem(name, fresh);
  } catch {
    return ""; // no storage: the page is a visitor of its own until it is closed
  }
  return fresh;
};

/** The frame of a panel: theme, the kernel, a word when the kernel does not answer. Returns where to put the content. */
const frame = (el, model, name, label) => {
  const root = h(`section.lg.lg-${name}`, { "aria-label": label });
  el.append(root);
  const silent = h("div.lg-silent.t-silent", { role: "status", hidden: true });
  root.append(silent);
  const kernel = new Kernel(model, (text) => {
    silent.textContent = text;
    silent.hidden = !text;
  });
  const unwatch = watchTheme(root);
  requestAnimationFrame(() => el.closest(".jp-CodeCell")?.classList.add("lg-cell"));
  root.addEventListener("lg-theme", () => {
    for (const drawn of root.querySelectorAll(".lg-painted")) drawn.repaint();
  });
  // A notebook's own shortcuts (run, delete cell, ...) must not fire while someone types in a panel.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  root.dataset.lmSuppressShortcuts = "true";
  if (model.get("served")) {
    const visitor = visitorId();
    if (visitor) kernel.send("visitor", { visitor });
  }
  const close = () => {
    kernel.close();
    unwatch();
    for (const undo of undoing.get(root) || []) undo();
  };
  return { root, kernel, close };
};
