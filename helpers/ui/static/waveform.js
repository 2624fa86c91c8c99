// Drawing sound.

/** Keep a canvas over `el` drawn at its size and in its theme; `draw(g, colour, width, height)`. Returns what repaints it. */
const painted = (el, canvas, draw) => {
  const paint = () => {
    const [width, height, scale] = [el.clientWidth, el.clientHeight, window.devicePixelRatio || 1];
    if (!width) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d"),
      css = getComputedStyle(el);
    g.scale(scale, scale);
    draw(g, (name) => css.getPropertyValue(name), width, height);
  };
  new ResizeObserver(paint).observe(el);
  el.classList.add("lg-painted");
  el.repaint = paint;
  return paint;
};

const pill = (g, x, y, width, height, radius) => {
  g.beginPath();
  g.roundRect(x, y, width, height, radius);
  g.fill();
};

/** A line a beat, from `top` down, and a stronger one a bar; beats that would lie too close are left out. */
const gridLines = (g, colour, { bars, beatsPerBar }, width, top, height) => {
  const beats = bars * beatsPerBar;
  for (let beat = 0; beat < beats; beat++) {
    const isBar = beat % beatsPerBar === 0;
    if (!isBar && width / beats < 7) continue;
    g.fillStyle = colour(isBar ? "--lg-bar-line" : "--lg-beat-line");
    g.fillRect(Math.round((beat / beats) * width), isBar ? 0 : top, 1, height);
  }
};

/**
 * A waveform as rounded bars. `peaks` holds loudest magnitudes 0..100; `grid` {bars, beatsPerBar} draws bar and beat lines.
 * `el.progress(0..1)` colours the part already played without redrawing the rest. `onseek(share)` makes it a slider for
 * pointer and arrow keys; `ondrag(from, to)` lets a stretch be drawn over it, `span` [from, to] shades one.
 */
const waveform = ({
  peaks,
  grid = null,
  tone = "loop",
  height = 72,
  label = "Waveform",
  onseek = null,
  ondrag = null,
  span = null,
  lines = [],
}) => {
  const canvas = h("canvas", onseek ? { "aria-hidden": "true" } : { role: "img", "aria-label": label });
  const head = h("i.lg-playhead", { hidden: true });
  const shade = h("i.lg-span", { hidden: !span });
  const el = h(`div.lg-wave.${tone}`, { style: { height: `${height}px` } }, shade, canvas, head);
  const place = (from, to) => Object.assign(shade.style, { left: `${from * 100}%`, width: `${(to - from) * 100}%` });
  if (span) place(...span);
  let played = null,
    last = -1;
  const paint = painted(el, canvas, (g, colour, width) => {
    const top = grid ? 14 : 2,
      middle = top + (height - top - 2) / 2,
      half = (height - top - 2) / 2;
    if (grid) {
      gridLines(g, colour, grid, width, top, height);
      g.font = `10px ${getComputedStyle(el).fontFamily}`;
      g.fillStyle = colour("--lg-faint");
      for (let bar = 0; bar < grid.bars && width / grid.bars > 18; bar++)
        g.fillText(String(bar + 1), (bar / grid.bars) * width + 4, 10);
    }
    for (const at of lines) {
      g.fillStyle = colour("--lg-bar-line");
      g.fillRect(Math.round(at * width), 0, 1, height);
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
      g.fillStyle = colour(played !== null && i / count < played ? "--lg-wave-played" : "--lg-wave");
      pill(g, i * step, middle - reach, wide, reach * 2, wide / 2);
    }
    last = played === null ? -1 : Math.floor(played * count);
  });
  el.progress = (share) => {
    played = share;
    head.hidden = share === null;
    if (share !== null) head.style.left = `${share * 100}%`;
    if (onseek) el.setAttribute("aria-valuenow", String(Math.round((share ?? 0) * 100)));
    const width = el.clientWidth,
      count = Math.floor(width / (width < 420 ? 3 : 4));
    if ((share === null ? -1 : Math.floor(share * count)) !== last) paint();
  };
  const shareAt = (event) => {
    const box = el.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  let began = null,
    dragged = false;
  if (onseek) {
    el.classList.add("seek");
    Object.assign(el, { tabIndex: 0, role: "slider", ariaLabel: label, ariaValueMin: "0", ariaValueMax: "100" });
    el.setAttribute("aria-valuenow", "0");
    el.addEventListener("click", (event) => {
      if (!dragged) onseek(shareAt(event));
    });
    el.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      onseek(Math.min(0.99, Math.max(0, (played ?? 0) + step / (grid ? grid.bars : 16))));
    });
  }
  if (ondrag) {
    el.classList.add("drag");
    el.addEventListener("pointerdown", (event) => {
      began = shareAt(event);
      dragged = false;
      el.setPointerCapture(event.pointerId);
    });
    el.addEventListener("pointermove", (event) => {
      if (began === null) return;
      const now = shareAt(event);
      if (Math.abs(now - began) * el.clientWidth < 6 && !dragged) return;
      dragged = true;
      shade.hidden = false;
      place(Math.min(began, now), Math.max(began, now));
    });
    el.addEventListener("pointerup", (event) => {
      if (dragged) ondrag(...[began, shareAt(event)].sort((a, b) => a - b));
      began = null;
    });
  }
  return el;
};
