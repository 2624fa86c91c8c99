import assert from "node:assert/strict";
import { test } from "node:test";
import { load, Model } from "./page.mjs";

const started = () => {
  const model = new Model({ name: "a" });
  const { h, region, onClose, undoing, page } = load(["base"], ["h", "region", "onClose", "undoing"]);
  const root = page.document.createElement("section");
  const reported = [];
  const draw = () =>
    h("input", { "data-key": "field", value: model.get("name"), onchange: (e) => reported.push(e.target.value) });
  const el = region(model, root, ["name"], draw);
  const close = () => {
    for (const undo of undoing.get(root) || []) undo();
  };
  return { model, page, el, reported, close, field: () => el.children[0] };
};
const type = (field, text) => {
  field.focus();
  field.value = text;
  field.dataset.typed = "1"; // the region hears "input" as it bubbles; this stand-in document has no bubbling
};

test("it is drawn anew when its trait changes, and only then", () => {
  const { model, field } = started();
  const first = field();
  model.set("other", 1);
  assert.equal(field(), first);
  model.set("name", "b");
  assert.notEqual(field(), first);
  assert.equal(field().value, "b");
});

test("what someone is typing stays, with the focus", () => {
  const { model, page, field } = started();
  type(field(), "half a wo");
  model.set("name", "b");
  assert.equal(field().value, "half a wo");
  assert.equal(page.document.activeElement, field());
});

for (const [down, up] of [
  [new Event("pointerdown"), new Event("pointerup")],
  [Object.assign(new Event("keydown"), { key: " " }), new Event("keyup")],
])
  test(`a button that is held down (${down.type}) is not replaced before it is let go`, async () => {
    const { model, page, el, field } = started();
    const first = field();
    el.dispatchEvent(down);
    model.set("name", "b");
    assert.equal(field(), first);
    page.window.dispatchEvent(up);
    await new Promise((done) => setTimeout(done, 60));
    assert.equal(field().value, "b");
  });

test("a closed panel no longer listens to the window or the model", async () => {
  const { model, page, el, field, close } = started();
  const first = field();
  close();
  el.dispatchEvent(new Event("pointerdown"));
  page.window.dispatchEvent(new Event("pointerup"));
  model.set("name", "b");
  await new Promise((done) => setTimeout(done, 60));
  assert.equal(field(), first);
  assert.deepEqual(model.listeners["change:name"], []);
});
