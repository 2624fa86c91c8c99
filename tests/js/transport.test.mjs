import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

const { Transport } = load(["transport"], ["Transport"]);
const RATE = 44100;

class Gain {
  constructor() {
    const gain = { value: 1, setValueAtTime() {}, cancelScheduledValues() {} };
    gain.linearRampToValueAtTime = gain.setTargetAtTime = (value) => {
      gain.value = value;
    };
    this.gain = gain;
  }
  connect() {}
  disconnect() {}
}

/** An AudioContext whose clock we turn by hand; it notes what was started, when, and from where. */
const context = () => {
  const started = [];
  return {
    started,
    sampleRate: RATE,
    currentTime: 0,
    destination: {},
    createGain: () => new Gain(),
    createBufferSource: () => ({
      connect() {},
      disconnect() {},
      start(when, offset) {
        started.push({ frame: Math.round(when * RATE), offset: Math.round(offset * RATE), loop: this.loop });
      },
      stop() {},
    }),
  };
};
const buffer = (length) => ({ length, sampleRate: RATE });

test("all voices start on one frame and wrap by themselves", () => {
  const c = context();
  const t = new Transport(c);
  t.set("idea", buffer(1000));
  t.set("loop", buffer(1000));
  t.play();
  assert.equal(c.started.length, 2);
  assert.ok(c.started.every((s) => s.loop && s.offset === 0 && s.frame === c.started[0].frame));
});

test("a voice that enters later is in phase to the sample", () => {
  const c = context();
  const t = new Transport(c);
  t.set("loop", buffer(RATE));
  t.play();
  const bar1 = c.started[0].frame;
  c.currentTime = 5.3;
  t.set("idea", buffer(RATE));
  const late = c.started[1];
  assert.equal((late.frame - bar1) % RATE, late.offset);
});

test("play from a share of the loop starts there", () => {
  const c = context();
  const t = new Transport(c);
  t.set("loop", buffer(RATE));
  t.play(0.25);
  assert.equal(c.started[0].offset, RATE / 4);
});

test("where the ear is runs from 0 to 1 and is unknown in silence", () => {
  const c = context();
  const t = new Transport(c);
  t.set("loop", buffer(RATE));
  assert.equal(t.share(), null);
  t.play(0, 0);
  c.currentTime = 2.5;
  assert.ok(Math.abs(t.share() - 0.5) < 1e-4);
  t.stop();
  assert.equal(t.share(), null);
});

test("a mix is heard at once and kept for voices that come later", () => {
  const c = context();
  const t = new Transport(c);
  t.set("loop", buffer(10), 0.5);
  t.setMix({ loop: 0, idea: 1 });
  assert.equal(t.voices.loop.node.gain.value, 0);
  t.set("idea", buffer(10), 0.8);
  assert.equal(t.voices.idea.node.gain.value, 0.8);
});
