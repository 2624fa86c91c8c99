// Drawing sound.

/**
 * A waveform as rounded bars. `peaks` holds loudest magnitudes 0..100; `grid` {bars, beatsPerBar} draws bar and beat lines.
 * `el.progress(0..1)` colours the part already played without redrawing the rest.
 */
const waveform = ({
  peaks,
  grid = null,
  tone = "loop",
  height = 72,
  label = "Waveform",
  onseek = null,
  lines = null,
}) => {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const head = h("i.lg-playhead", { hidden: true });
  const el = h(`div.lg-wave.${tone}`, { style: { height: `${height}px` } }, canvas, head);
  let played = null,
    last = -1;
  const paint = () => {
    const width = el.clientWidth;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d"),
      css = getComputedStyle(el);
    g.scale(scale, scale);
    const top = grid ? 14 : 2,
      middle = top + (height - top - 2) / 2,
      half = (height - top - 2) / 2;
    if (grid) {
      const beats = grid.bars * grid.beatsPerBar;
      g.font = `10px ${css.fontFamily}`;
      for (let beat = 0; beat < beats; beat++) {
        const bar = beat % grid.beatsPerBar === 0,
          x = (beat / beats) * width;
        if (!bar && width / beats < 7) continue;
        g.fillStyle = css.getPropertyValue(bar ? "--lg-bar-line" : "--lg-beat-line");
        g.fillRect(Math.round(x), bar ? 0 : top, 1, height);
        if (bar && width / grid.bars > 18) {
          g.fillStyle = css.getPropertyValue("--lg-faint");
          g.fillText(String(beat / grid.beatsPerBar + 1), x + 4, 10);
        }
      }
    }
    for (const line of lines || []) {
      g.fillStyle = css.getPropertyValue(line.strong ? "--lg-bar-line" : "--lg-beat-line");
      g.fillRect(Math.round(line.at * width), 0, 1, height);
    }
    const step = width < 420 ? 3 : 4,
      wide = step - 1.5,
      count = Math.floor(width / step);
    const loudest = Math.max(8, ...peaks);
    for (let i = 0; i < count; i++) {
      const from = Math.floor((i / count) * peaks.length),
        to = Math.max(from + 1, Math.floor(((i + 1) / count) * peaks.length));
      let peak = 0;
      for (let k = from; k < to; k++) peak = Math.max(peak, peaks[k] || 0);
      const reach = Math.max(1, (peak / loudest) * (half - 1));
      g.fillStyle = css.getPropertyValue(played !== null && i / count < played ? "--lg-wave-played" : "--lg-wave");
      g.beginPath();
      if (g.roundRect) g.roundRect(i * step, middle - reach, wide, reach * 2, wide / 2);
      else g.rect(i * step, middle - reach, wide, reach * 2);
      g.fill();
    }
    last = played === null ? -1 : Math.floor(played * count);
  };
  el.progress = (share) => {
    played = share;
    head.hidden = share === null;
    if (share !== null) head.style.left = `${share * 100}%`;
    const width = el.clientWidth,
      count = Math.floor(width / (width < 420 ? 3 : 4));
    if ((share === null ? -1 : Math.floor(share * count)) !== last) paint();
  };
  if (onseek) {
    el.classList.add("seek");
    el.addEventListener("click", (event) => {
      const box = el.getBoundingClientRect();
      onseek(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    });
  }
  new ResizeObserver(paint).observe(el);
  el.repaint = paint;
  return el;
};
