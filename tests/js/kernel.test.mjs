import assert from "node:assert/strict";
import { test } from "node:test";
import { load, Model, serve } from "./page.mjs";

const noise = (length) => Uint8Array.from({ length }, (_, i) => (i * 2654435761) >>> 24);
const started = () => {
  const model = new Model();
  const { Kernel, saveButton, page } = load(["base", "kernel"], ["Kernel", "saveButton"]);
  return { model, page, saveButton, kernel: new Kernel(model) };
};

test("a file arrives whole in slices", async () => {
  const { model, kernel } = started();
  const data = noise(1_331_200);
  const waiting = kernel.fetch("a.wav");
  serve(model, { "a.wav": data });
  assert.deepEqual((await waiting).bytes, data);
});

test("pressed twice, Download saves the file once, and right", async () => {
  const { model, page, kernel } = started();
  const data = noise(1_331_200);
  const both = [kernel.download("a.wav"), kernel.download("a.wav")];
  serve(model, { "a.wav": data });
  await Promise.all(both);
  assert.equal(page.saved.length, 1);
  assert.deepEqual(new Uint8Array(await page.saved[0].blob.arrayBuffer()), data);
});

test("a file that is played and saved at once travels once", async () => {
  const { model, kernel } = started();
  const both = [kernel.fetch("a.wav", { keep: false }), kernel.fetch("a.wav")];
  assert.equal(model.sent.length, 1);
  serve(model, { "a.wav": noise(600_000) });
  const [one, two] = await Promise.all(both);
  assert.equal(one.bytes, two.bytes);
});

test("a slice that comes twice is taken once", async () => {
  const { model, kernel } = started();
  const data = noise(1000);
  const waiting = kernel.fetch("a.wav");
  for (const at of [0, 0, 400, 400, 800])
    model.say({ kind: "file", id: "a.wav", at, size: 1000 }, data.slice(at, Math.min(1000, at + 400)));
  assert.deepEqual((await waiting).bytes, data);
});

test("a failure is told to everyone who waits, and the next try is a fresh one", async () => {
  const { model, kernel } = started();
  const both = [kernel.fetch("a.wav"), kernel.download("a.wav")];
  serve(model, {});
  for (const waiting of both) await assert.rejects(waiting, /there is no a.wav/);
  const again = kernel.fetch("a.wav");
  serve(model, { "a.wav": noise(10) });
  assert.equal((await again).bytes.length, 10);
});

test("a save button rests while its file is on its way", async () => {
  const { model, kernel, saveButton } = started();
  const el = saveButton(kernel, "a.wav", "WAV");
  el.click();
  el.click();
  assert.equal(el.disabled, true);
  assert.equal(saveButton(kernel, "a.wav", "WAV").disabled, true, "also when the card is drawn anew meanwhile");
  serve(model, { "a.wav": noise(10) });
  await new Promise((done) => setTimeout(done, 0));
  assert.equal(el.disabled, false);
});

test("closing leaves no listener and nothing that waits for ever", async () => {
  const { model, kernel } = started();
  const waiting = kernel.fetch("a.wav");
  kernel.close();
  await assert.rejects(waiting, /closed/);
  assert.equal(model.listeners["msg:custom"].length, 0);
});
