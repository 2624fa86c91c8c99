// Talking to the kernel: events up, files down in slices, downloads.

/** The kernel's side of a panel: events up, sliced files down. One slice of a file is asked for at a time. */
const ANSWERS_WITHIN_MS = 8000;
const SILENT =
  "The kernel does not answer. If it was restarted, run the cells again; if a cell is busy, this goes on when it is done.";
const SILENT_PAGE = "The server does not answer. What you made is kept; reload the page to go on.";

class Kernel {
  /** `tell` is given a sentence when the kernel does not answer, and an empty one when it does again. */
  constructor(model, tell = () => {}) {
    this.model = model;
    this.tell = tell;
    this.silent = model.get("served") ? SILENT_PAGE : SILENT;
    this.asked = null; // the timer of the oldest event that was not answered
    this.waiting = new Map(); // id -> the transfer under way
    this.files = new Map(); // id -> promise of a whole file that is kept
    this.saving = new Map(); // id -> promise of a download under way
    this.heard = (message, buffers) => {
      this.answered();
      const entry = message.kind === "file" ? this.waiting.get(message.id) : null;
      if (!entry) return;
      if (message.error) {
        this.waiting.delete(message.id);
        entry.reject(new Error(message.error));
        return;
      }
      if (message.at !== entry.got) return; // a slice that was asked for twice, or one of an older transfer
      const part = buffers?.[0];
      const view = part instanceof ArrayBuffer ? new Uint8Array(part) : part;
      if (view) {
        entry.parts.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice());
        entry.got += view.byteLength;
      }
      if (entry.got < message.size) {
        this.ask(message.id, entry.got);
        return;
      }
      this.waiting.delete(message.id);
      const whole = new Uint8Array(entry.got);
      let at = 0;
      for (const bytes of entry.parts) {
        whole.set(bytes, at);
        at += bytes.byteLength;
      }
      entry.resolve({ bytes: whole, meta: message.meta || {} });
    };
    model.on("msg:custom", this.heard);
  }

  send(kind, content = {}, buffers = []) {
    this.asked ??= setTimeout(() => this.tell(this.silent), ANSWERS_WITHIN_MS);
    try {
      this.model.send({ kind, ...content }, undefined, buffers);
    } catch {
      this.tell(this.silent); // the front end knows that nobody is there
    }
  }

  answered() {
    clearTimeout(this.asked);
    this.asked = null;
    this.tell("");
  }

  ask(id, at) {
    this.send("file", { id, at });
  }

  /** Bytes of a file the panel offers; fetched once while `keep` is true, and never twice at the same time. */
  fetch(id, { keep = true } = {}) {
    if (this.files.has(id)) return this.files.get(id);
    let entry = this.waiting.get(id);
    if (!entry) {
      entry = { parts: [], got: 0 };
      entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
      this.waiting.set(id, entry);
      this.ask(id, 0);
    }
    if (keep) {
      this.files.set(id, entry.promise);
      if (this.files.size > 24) this.files.delete(this.files.keys().next().value);
      entry.promise.catch(() => this.files.delete(id));
    }
    return entry.promise;
  }

  /** Save a file through the browser; pressed again while it is on its way, it is still saved once. */
  download(id) {
    if (!this.saving.has(id)) {
      const saved = this.fetch(id, { keep: false }).then(({ bytes, meta }) =>
        saveBytes(bytes, meta.name || "file", meta.type),
      );
      this.saving.set(id, saved);
      const over = () => this.saving.delete(id);
      saved.then(over, over);
    }
    return this.saving.get(id);
  }

  close() {
    clearTimeout(this.asked);
    this.model.off("msg:custom", this.heard);
    for (const entry of this.waiting.values()) entry.reject(new Error("The page was closed."));
    this.waiting.clear();
  }
}

/** A button that saves a file of the panel; it rests while the file is on its way, and says what went wrong. */
const saveButton = (kernel, id, label, options = {}) => {
  const press = async () => {
    el.disabled = true;
    el.parentElement?.querySelector(".lg-wrong")?.remove();
    try {
      await kernel.download(id);
    } catch (error) {
      el.after(h("span.small.lg-wrong", { role: "alert" }, error.message));
    }
    el.disabled = false;
  };
  const el = button(label, press, { picture: "down", disabled: kernel.saving.has(id), ...options });
  const free = () => {
    el.disabled = false;
  };
  kernel.saving.get(id)?.then(free, free);
  return el;
};

const saveBytes = (bytes, name, type = "application/octet-stream") => {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = h("a", { href: url, download: name, style: { display: "none" } });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
};
