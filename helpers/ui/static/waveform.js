// Drawing sound.

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
  lines = null,
}) => {
  const canvas = h("canvas", onseek ? { "aria-hidden": "true" } : { role: "img", "aria-label": label });
  const head = h("i.lg-playhead", { hidden: true });
  const shade = h("i.lg-span", { hidden: !span });
  const el = h(`div.lg-wave.${tone}`, { style: { height: `${height}px` } }, shade, canvas, head);
  const place = (from, to) => Object.assign(shade.style, { left: `${from * 100}%`, width: `${(to - from) * 100}%` });
  if (span) place(...span);
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
  new ResizeObserver(paint).observe(el);
  el.repaint = paint;
  return el;
};
