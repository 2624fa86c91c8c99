// UPLOAD: a file in acknowledged slices (any size passes any transport), Save file, the saved ideas and their preview.
const SLICE_BYTES = 256 * 1024;

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "upload");
    let file = null,
      serial = 0,
      sent = 0,
      arrived = false,
      saveWanted = false;

    const input = h("input", {
      type: "file",
      accept: ".mp3,.wav,.flac,.ogg,.aiff,.aif,.m4a,audio/*",
      hidden: true,
      "aria-label": "Audio file",
    });
    const chosen = h("p.muted.small", { "aria-live": "polite" }, "mp3 or wav, up to 10 minutes and 200 MB");
    const bar = h("i"),
      progress = h(
        "div.lg-progress",
        { hidden: true, role: "progressbar", "aria-label": "Upload", style: { width: "min(340px, 100%)" } },
        bar,
      );
    const save = button("Save file", () => wantSave(), { kind: "primary", picture: "check", disabled: true });
    const choose = button("Choose a file", () => input.click(), { picture: "up" });
    const example = button("Try the example idea", () => kernel.send("example"), { kind: "quiet" });
    save.classList.add("t-save");
    choose.classList.add("t-choose");
    example.classList.add("t-example");

    const nextSlice = async () => {
      const part = await file.slice(sent, sent + SLICE_BYTES).arrayBuffer();
      kernel.send("slice", { upload: serial, name: file.name, size: file.size, at: sent }, [part]);
    };
    const begin = (picked) => {
      if (!picked) return;
      file = picked;
      sent = 0;
      arrived = false;
      saveWanted = false;
      serial = Date.now();
      save.disabled = false;
      progress.hidden = false;
      bar.style.width = "0";
      chosen.textContent = `${file.name} · sending`;
      if (file.size > model.get("limit_bytes")) {
        const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
        const limit = megabytes(model.get("limit_bytes"));
        chosen.textContent = `${file.name} is ${megabytes(file.size)}; the limit is ${limit}. Cut out the part you mean.`;
        progress.hidden = true;
        save.disabled = true;
        file = null;
        return;
      }
      nextSlice();
    };
    const wantSave = () => {
      if (!file) return;
      if (!arrived) {
        saveWanted = true;
        chosen.textContent = `${file.name} · saving as soon as it has arrived`;
        return;
      }
      save.disabled = true;
      kernel.send("save", { upload: serial });
    };
    const acknowledged = (message) => {
      if (message.kind !== "ack" || message.upload !== serial || !file) return;
      sent = message.got;
      const share = file.size ? sent / file.size : 1;
      bar.style.width = `${Math.round(share * 100)}%`;
      progress.setAttribute("aria-valuenow", Math.round(share * 100));
      if (sent < file.size) {
        chosen.textContent = `${file.name} · ${Math.round(share * 100)} %`;
        nextSlice();
        return;
      }
      arrived = true;
      chosen.textContent = `${file.name} · ${(file.size / 1e6).toFixed(1)} MB arrived. Press Save file.`;
      if (saveWanted) wantSave();
    };
    model.on("msg:custom", acknowledged);
    model.on("msg:custom", (message) => {
      if (message.kind !== "saved" || message.upload !== serial) return;
      progress.hidden = true;
      file = null;
      input.value = "";
      chosen.textContent = message.ok ? "Saved. Choose another file to add a second idea." : "Choose another file.";
    });
    input.addEventListener("change", () => begin(input.files[0]));

    const drop = h(
      "div.lg-drop",
      {
        ondragover: (event) => {
          event.preventDefault();
          drop.classList.add("over");
        },
        ondragleave: () => drop.classList.remove("over"),
        ondrop: (event) => {
          event.preventDefault();
          drop.classList.remove("over");
          begin(event.dataTransfer.files[0]);
        },
      },
      icon("up"),
      h("h3", {}, "Drop your idea here"),
      chosen,
      progress,
      h("div.row", { style: { justifyContent: "center" } }, choose, save),
      input,
      model.get("has_example") ? example : null,
    );
    const card = h("div.lg-card", {}, drop);
    root.append(card);

    // One <audio> element plays all previews; its bytes come when they are asked for.
    const audio = h("audio", { preload: "metadata" });
    root.append(audio);
    let playing = null;
    const stop = () => {
      audio.pause();
    };
    quiet.add(stop);
    const buttons = new Map(),
      waves = new Map();
    const show = () => {
      for (const [id, b] of buttons) showPlaying(b, id === playing && !audio.paused, { stop: "pause" });
      for (const [id, wave] of waves)
        wave.progress(id === playing && audio.duration ? audio.currentTime / audio.duration : null);
    };
    const toggle = async (id, share = null) => {
      if (playing === id && !audio.paused && share === null) {
        audio.pause();
        return;
      }
      quiet.claim(stop);
      if (playing !== id) {
        playing = id;
        const { bytes, meta } = await kernel.fetch(`preview:${id}`);
        if (audio.src) URL.revokeObjectURL(audio.src);
        audio.src = URL.createObjectURL(new Blob([bytes], { type: meta.type }));
        await new Promise((ready) => {
          audio.onloadedmetadata = ready;
          audio.onerror = ready;
        });
      }
      if (share !== null) audio.currentTime = share * audio.duration;
      await audio.play().catch(() => {});
      tick();
    };
    const tick = () => {
      show();
      if (!audio.paused) requestAnimationFrame(tick);
    };
    for (const name of ["pause", "ended", "play"]) audio.addEventListener(name, show);

    const ideaList = () => {
      const ideas = model.get("ideas") || [];
      buttons.clear();
      waves.clear();
      return ideas.length
        ? [
            h("h4", {}, ideas.length > 1 ? "Your ideas" : "Your idea"),
            h(
              "ul.lg-ideas",
              {},
              ideas.map((idea) => {
                const play = h(
                  "button.lg-button.round",
                  {
                    type: "button",
                    "aria-label": "Play",
                    onclick: () => toggle(idea.id),
                    "data-key": `play-${idea.id}`,
                  },
                  icon("play"),
                );
                const wave = waveform({
                  peaks: idea.peaks,
                  tone: "idea",
                  height: 40,
                  label: `Waveform of ${idea.name}`,
                  onseek: (share) => toggle(idea.id, share),
                });
                buttons.set(idea.id, play);
                waves.set(idea.id, wave);
                return h(
                  `li.lg-idea${idea.current ? ".current" : ""}`,
                  {},
                  play,
                  h(
                    "div.grow",
                    {},
                    h(
                      "div.row",
                      { style: { flexWrap: "nowrap" } },
                      h("strong.clip", { title: idea.name }, idea.name),
                      idea.current
                        ? h(
                            "span.lg-badge.plain",
                            { style: { color: "var(--lg-idea-text)", background: "transparent" } },
                            "in use",
                          )
                        : null,
                    ),
                    wave,
                    h(
                      "p.faint.small.num",
                      {},
                      [
                        idea.seconds < 60 ? `${idea.seconds.toFixed(1)} s` : clock(idea.seconds),
                        `${(idea.rate / 1000).toFixed(1)} kHz`,
                        ["", "mono", "stereo"][idea.channels] || `${idea.channels} channels`,
                      ].join(" · "),
                    ),
                  ),
                  idea.current
                    ? null
                    : button("Use", () => kernel.send("choose", { id: idea.id }), { "data-key": `use-${idea.id}` }),
                  h(
                    "button.lg-button.quiet.round",
                    {
                      type: "button",
                      title: "Remove from the list",
                      "aria-label": `Remove ${idea.name}`,
                      onclick: () => kernel.send("forget", { id: idea.id }),
                    },
                    icon("bin"),
                  ),
                );
              }),
            ),
          ]
        : null;
    };
    region(model, card, ["message"], () => notice(model.get("message")));
    region(model, card, ["ideas"], ideaList);
    return () => {
      stop();
      quiet.remove(stop);
      close();
    };
  },
};
