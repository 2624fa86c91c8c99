// UPLOAD: a file in acknowledged slices (any size passes any transport), Save file, the saved ideas and their preview.
const SLICE_BYTES = 256 * 1024;
const FEW = 3; // ideas that stand open in a long list: the one in use and the newest
const megabytes = (bytes) => `${Math.round(bytes / 2 ** 20)} MB`;

/** One <audio> element plays all previews; its bytes come when they are asked for. */
const previews = (root, kernel) => {
  const audio = h("audio", { preload: "metadata" });
  root.append(audio);
  const rows = new Map(); // idea -> its play button and waveform
  let playing = null;
  const show = () => {
    for (const [id, { play, wave }] of rows) {
      const on = id === playing && !audio.paused;
      showPlaying(play, on, "pause");
      wave.progress(id === playing && audio.duration ? audio.currentTime / audio.duration : null);
    }
    if (!audio.paused) requestAnimationFrame(show);
  };
  const stop = () => audio.pause();
  const toggle = async (id, share = null) => {
    if (playing === id && !audio.paused && share === null) return stop();
    quiet.claim(stop);
    if (playing !== id) {
      playing = id;
      const { bytes, meta } = await kernel.fetch(`preview:${id}`);
      if (audio.src) URL.revokeObjectURL(audio.src);
      audio.src = URL.createObjectURL(new Blob([bytes], { type: meta.type }));
      await new Promise((ready) => {
        audio.onloadedmetadata = audio.onerror = ready;
      });
    }
    if (share !== null) audio.currentTime = share * audio.duration;
    await audio.play().catch(() => {});
    show();
  };
  for (const name of ["pause", "ended", "play"]) audio.addEventListener(name, show);
  quiet.add(stop);
  onClose(root, () => {
    stop();
    quiet.remove(stop);
  });
  return { rows, toggle, stop: (id) => id === playing && stop() };
};

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "upload", "Upload");
    let file = null,
      serial = 0,
      sent = 0,
      saveWanted = false;

    const input = h("input", {
      type: "file",
      accept: ".mp3,.wav,.flac,.ogg,.aiff,.aif,.m4a,audio/*",
      hidden: true,
      "aria-label": "Audio file",
      "aria-describedby": "lg-said",
      onchange: () => begin(input.files[0]),
    });
    const said = h("p.small.t-said", { role: "status", id: "lg-said" });
    /** The one line of the drop zone: what is happening, what became of it, and a way back. */
    const say = (text, tone = "", ...more) => {
      said.className = `small t-said ${tone || "muted"}`;
      said.replaceChildren(...linked(text), ...more.flat());
    };
    const limits = () => {
      const minutes = Math.round(model.get("limit_seconds") / 60);
      say(`mp3, wav, flac, ogg or m4a; up to ${minutes} minutes and ${megabytes(model.get("limit_bytes"))}`);
    };
    const answer = () => {
      const { text, tone, undo } = model.get("message") || {};
      const back = () => kernel.send("restore");
      if (text) say(text, tone, undo ? [" ", chip("Bring it back", back, { "data-key": "restore" })] : "");
      else limits();
    };
    const bar = h("i");
    const progress = h("div.lg-progress", { hidden: true, role: "progressbar", "aria-label": "Upload" }, bar);
    const save = button("Save file", () => wantSave(), { kind: "primary.t-save", picture: "check", disabled: true });

    const sendSlice = async () => {
      const part = await file.slice(sent, sent + SLICE_BYTES).arrayBuffer();
      kernel.send("slice", { upload: serial, name: file.name, size: file.size, at: sent }, [part]);
    };
    const begin = (picked) => {
      if (!picked) return;
      const limit = model.get("limit_bytes");
      const fits = picked.size <= limit;
      file = fits ? picked : null;
      sent = 0;
      saveWanted = false;
      serial = Date.now();
      save.disabled = progress.hidden = !fits;
      bar.style.width = "0";
      if (!fits) {
        const size = megabytes(picked.size);
        say(`${picked.name} is ${size}; the limit is ${megabytes(limit)}. Cut out the part you mean.`, "bad");
        return;
      }
      say(`Sending ${file.name} …`);
      sendSlice();
    };
    const wantSave = () => {
      saveWanted = sent < file.size;
      if (saveWanted) return say(`${file.name} is saved as soon as it has arrived …`);
      save.disabled = true;
      kernel.send("save", { upload: serial });
    };
    model.on("msg:custom", (message) => {
      if (message.upload !== serial || !file) return;
      if (message.kind === "saved") {
        progress.hidden = true;
        file = null;
        input.value = "";
        answer();
        return;
      }
      sent = message.got;
      const percent = file.size ? Math.round((100 * sent) / file.size) : 100;
      bar.style.width = `${percent}%`;
      progress.setAttribute("aria-valuenow", percent);
      if (sent < file.size) return sendSlice();
      if (saveWanted) wantSave();
      else say(`${file.name} has arrived. Press Save file.`);
    });
    model.on("change:message", answer);
    answer();

    const over = (on) => (event) => {
      event.preventDefault();
      drop.classList.toggle("over", on);
    };
    const drop = h(
      "div.lg-drop",
      {
        ondragover: over(true),
        ondragleave: over(false),
        ondrop: (event) => {
          over(false)(event);
          begin(event.dataTransfer.files[0]);
        },
      },
      icon("up"),
      h("div.grow", {}, h("h3", {}, "Drop your idea here"), said, progress),
      h(
        "div.row",
        {},
        button("Choose a file", () => input.click(), {
          kind: "t-choose",
          picture: "up",
          "aria-describedby": "lg-said",
        }),
        save,
        model.get("has_example")
          ? button("Try the example", () => kernel.send("example"), { kind: "t-example" })
          : null,
      ),
      input,
    );
    const card = h("div.lg-card", {}, drop);
    root.append(card);

    const player = previews(root, kernel);
    const ideaRow = (idea) => {
      const key = (what) => ({ "data-key": `${what}-${idea.id}` });
      const play = playButton(`Play ${idea.name}`, () => player.toggle(idea.id), { kind: ".idea", ...key("play") });
      const wave = waveform({
        peaks: idea.peaks,
        tone: "idea",
        height: 30,
        label: `Waveform of ${idea.name}`,
        onseek: (share) => player.toggle(idea.id, share),
      });
      player.rows.set(idea.id, { play, wave });
      const use = () => kernel.send("choose", { idea: idea.id });
      const remove = () => {
        player.stop(idea.id);
        kernel.send("forget", { idea: idea.id });
      };
      return h(
        `li.lg-idea${idea.current ? ".current" : ""}`,
        { "aria-current": idea.current ? "true" : null },
        play,
        h(
          "div.lg-title",
          {},
          h("strong.clip", { title: idea.name }, idea.name),
          h("p.faint.small.num.clip", {}, `${clock(idea.seconds)} · ${idea.sound}`),
        ),
        h("div.grow.lg-rowwave", {}, wave),
        idea.current
          ? h("span.lg-badge.idea", {}, "in use")
          : button("Use", use, { ...key("use"), "aria-label": `Use ${idea.name}` }),
        roundButton("bin", `Remove ${idea.name}`, remove, { kind: ".quiet", title: "Remove", ...key("remove") }),
      );
    };
    let all = false;
    const list = region(model, card, ["ideas"], () => {
      const ideas = [...(model.get("ideas") || [])].sort((a, b) => b.current - a.current);
      player.rows.clear();
      if (!ideas.length) return null;
      const more = ideas.length - FEW;
      const unfold = () => {
        all = !all;
        list.redraw();
      };
      const label = all ? "Fewer ideas" : `${more} more idea${more > 1 ? "s" : ""}`;
      return [
        h("ul.lg-ideas", { "aria-label": "Ideas" }, ideas.slice(0, all ? ideas.length : FEW).map(ideaRow)),
        more > 0 ? button(label, unfold, { kind: "quiet", "data-key": "all-ideas" }) : null,
      ];
    });
    return close;
  },
};
