// Gapless looping: two voices (idea, loop) of equal length, started on one clock and wrapped by the audio engine itself.

/** Planar 16-bit PCM from the kernel as an AudioBuffer, at its own rate: no decoder and no resampler touches the samples. */
const pcmBuffer = (context, bytes, { channels, samples, rate }) => {
  const buffer = context.createBuffer(channels, samples, rate);
  const whole = new Int16Array(bytes.buffer, bytes.byteOffset, channels * samples);
  for (let c = 0; c < channels; c++) {
    const to = buffer.getChannelData(c);
    for (let i = 0; i < samples; i++) to[i] = whole[c * samples + i] / 32768;
  }
  return buffer;
};

class Transport {
  /** `context`: an AudioContext or OfflineAudioContext whose rate is that of the buffers. */
  constructor(context) {
    this.context = context;
    this.master = context.createGain();
    this.master.connect(context.destination);
    this.voices = {};
    this.mix = {};
    this.began = null; // frame of the context at which bar 1 sounded first
  }

  get rate() {
    return this.context.sampleRate;
  }
  get playing() {
    return this.began !== null;
  }
  get frames() {
    return Math.max(0, ...Object.values(this.voices).map((v) => v.buffer.length));
  }

  /** Give a voice its sound; while playing it enters in phase with the others. */
  set(name, buffer, gain = 1) {
    const fresh = { buffer, gain, node: this.context.createGain(), source: null };
    fresh.node.connect(this.master);
    const old = this.voices[name];
    this.voices[name] = fresh;
    const level = (this.mix[name] ?? 1) * gain;
    if (this.playing) {
      const at = this.next(),
        seconds = at / this.rate;
      fresh.node.gain.setValueAtTime(0, seconds);
      fresh.node.gain.linearRampToValueAtTime(level, seconds + 0.012);
      this.start(fresh, at);
      if (old) this.end(old, seconds);
    } else {
      fresh.node.gain.value = level;
      if (old) old.node.disconnect();
    }
  }

  /** The first whole frame that is safely ahead of the clock. */
  next(ahead = 0.03) {
    return Math.ceil((this.context.currentTime + ahead) * this.rate);
  }

  start(voice, frame) {
    const source = this.context.createBufferSource();
    source.buffer = voice.buffer;
    source.loop = true; // the whole buffer: the engine wraps on the sample
    source.connect(voice.node);
    const offset = (((frame - this.began) % voice.buffer.length) + voice.buffer.length) % voice.buffer.length;
    source.start(frame / this.rate, offset / voice.buffer.sampleRate);
    voice.source = source;
  }

  end(voice, seconds) {
    voice.node.gain.cancelScheduledValues(seconds);
    voice.node.gain.setTargetAtTime(0, seconds, 0.004);
    if (voice.source) voice.source.stop(seconds + 0.05);
  }

  /** Start all voices on one frame, `share` of the way into the loop. */
  play(share = 0, ahead = 0.03) {
    if (this.playing) this.stop();
    const at = this.next(ahead);
    this.began = at - Math.round(share * this.frames);
    for (const voice of Object.values(this.voices)) this.start(voice, at);
  }

  stop() {
    if (!this.playing) return;
    this.began = null;
    for (const voice of Object.values(this.voices)) {
      if (voice.source) {
        try {
          voice.source.stop();
        } catch {
          /* had not begun */
        }
        voice.source.disconnect();
        voice.source = null;
      }
    }
  }

  /** Fade voices in and out while they play: setMix({ idea: 1, loop: 0 }). */
  setMix(mix) {
    this.mix = { ...this.mix, ...mix };
    const now = this.context.currentTime;
    for (const [name, voice] of Object.entries(this.voices)) {
      const level = (this.mix[name] ?? 1) * voice.gain;
      if (this.playing) voice.node.gain.setTargetAtTime(level, now, 0.008);
      else voice.node.gain.value = level;
    }
  }

  /** Where in the loop the ear is, 0..1; null while silent. */
  share() {
    if (!this.playing || !this.frames) return null;
    const heard = (this.context.currentTime - (this.context.outputLatency || 0)) * this.rate - this.began;
    return heard < 0 ? 0 : (heard % this.frames) / this.frames;
  }

  close() {
    this.stop();
    if (this.context.close) this.context.close();
  }
}
