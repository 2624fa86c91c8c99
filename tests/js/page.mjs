// The panels' scripts in Node: they are joined into one module for the page, so here they are joined into one function.
// What little of a document they touch is made below; drawing is tested in a real browser (tests/browser).
import { readFileSync } from "node:fs";

const STATIC = new URL("../../helpers/ui/static/", import.meta.url);

/** Enough of an element for regions: children, listeners, data-*, focus. */
class Element extends EventTarget {
  constructor(page, tag) {
    super();
    Object.assign(this, {
      page,
      tag,
      children: [],
      parent: null,
      dataset: {},
      attributes: {},
      style: {},
      value: "",
      disabled: false,
    });
  }
  get parentElement() {
    return this.parent;
  }
  setAttribute(name, value) {
    this.attributes[name] = String(value);
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = String(value);
  }
  append(...children) {
    for (const child of children) {
      if (child instanceof Element) child.parent = this;
      this.children.push(child);
    }
  }
  replaceChildren(...children) {
    for (const child of this.children) if (child instanceof Element) child.parent = null;
    this.children = [];
    this.append(...children);
  }
  *all() {
    for (const child of this.children) {
      if (!(child instanceof Element)) continue;
      yield child;
      yield* child.all();
    }
  }
  contains(other) {
    return other === this || [...this.all()].includes(other);
  }
  closest() {
    return null;
  }
  querySelector(selector) {
    const key = selector.match(/data-key="(.*)"/)?.[1];
    return [...this.all()].find((el) => el.dataset.key === key) ?? null;
  }
  querySelectorAll() {
    return []; // of folds, which are tested in the browser
  }
  focus() {
    this.page.document.activeElement = this;
  }
  remove() {}
  click() {
    this.dispatchEvent(new Event("click"));
  }
}

/** The named scripts' own constants, and the page they ran in. */
export const load = (names, wanted) => {
  const page = { saved: [], document: {}, window: new EventTarget() };
  page.document.createElement = (tag) => {
    const el = new Element(page, tag);
    if (tag === "a") el.click = () => page.saved.push({ name: el.download, blob: page.blob });
    return el;
  };
  page.document.createElementNS = (_, tag) => Object.assign(new Element(page, tag), { classList: { add() {} } });
  page.document.body = page.document.createElement("body");
  const source = names.map((name) => readFileSync(new URL(`${name}.js`, STATIC), "utf8")).join("\n");
  const url = {
    createObjectURL(blob) {
      page.blob = blob;
      return "blob:";
    },
    revokeObjectURL() {},
  };
  const run = new Function(
    "document",
    "window",
    "CSS",
    "URL",
    "setTimeout",
    "BroadcastChannel",
    `${source}\nreturn {${wanted.join()}};`,
  );
  const soon = (work, after) => (after > 1000 ? 0 : setTimeout(work, after));
  return { page, ...run(page.document, page.window, { escape: (text) => text }, url, soon, undefined) };
};

/** A widget model: traits that can be set, and a kernel that answers `send`. */
export class Model {
  constructor(traits = {}) {
    Object.assign(this, { traits, listeners: {}, sent: [] });
  }
  on(name, listener) {
    this.listeners[name] = [...(this.listeners[name] || []), listener];
  }
  off(name, listener) {
    this.listeners[name] = (this.listeners[name] || []).filter((l) => l !== listener);
  }
  get(name) {
    return this.traits[name];
  }
  set(name, value) {
    this.traits[name] = value;
    for (const listener of this.listeners[`change:${name}`] || []) listener();
  }
  send(content) {
    this.sent.push(content);
  }
  say(message, bytes) {
    for (const listener of this.listeners["msg:custom"] || [])
      listener(message, bytes ? [new DataView(bytes.buffer)] : []);
  }
}

/** A kernel that offers files and answers one request at a time, in order, `slice` bytes each. */
export const serve = (model, files, slice = 512 * 1024) => {
  while (model.sent.length) {
    const { kind, id, at } = model.sent.shift();
    if (kind !== "file") continue;
    const data = files[id];
    if (!data) model.say({ kind: "file", id, error: `there is no ${id}` });
    else model.say({ kind: "file", id, at, size: data.length, meta: { name: id } }, data.slice(at, at + slice));
  }
};
