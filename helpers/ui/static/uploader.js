// UPLOAD: a file in acknowledged slices (any size passes any transport), Save file, the saved ideas and their preview.
const SLICE_BYTES = 256 * 1024;

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "upload", "Upload");
    let file = null,
      serial = 0,
      sent = 0,
      arrived = false,
      saveWanted = false;

    const limits = () => {
      const megabytes = Math.round(model.get("limit_bytes") / 2 ** 20);
      return `mp3 or wav, up to ${Math.round(model.get("limit_seconds") / 60)} minutes and ${megabytes} MB`;
    };
    const input = h("input", {
      type: "file",
      accept: ".mp3,.wav,.flac,.ogg,.aiff,.aif,.m4a,audio/*",
      hidden: true,
      "aria-label": "Audio file",
    });
    const chosen = h("p.muted.small", { "aria-live": "polite" }, `${limits()}; ogg, flac and m4a too`);
    const bar = h("i"),
      progress = h(
        "div.lg-progress",
        { hidden: true, role: "progressbar", "aria-label": "Upload", style: { width: "min(340px, 100%)" } },
        bar,
      );
    const save = button("Save file", () => wantSave(), { kind: "primary", picture: "check", disabled: true });
    const choose = button("Choose a file", () => input.click(), { picture: "up" });
    const example = button("Try the example idea", () => kernel.send("example"));
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
        const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
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
      chosen.textContent = `${file.name} · ${(file.size / 2 ** 20).toFixed(1)} MB arrived. Press Save file.`;
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
      h("div.grow", {}, h("h3", {}, "Drop your idea here"), chosen, progress),
      h("div.row", {}, choose, save, model.get("has_example") ? example : null),
      input,
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
      for (const [id, b] of buttons)
        showPlaying(b, id === playing && !audio.paused, { stop: "pause", play: b.dataset.name });
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

    const ideaRow = (idea) => {
      const play = h(
        "button.lg-button.round.small-round",
        {
          type: "button",
          "aria-label": `Play ${idea.name}`,
          onclick: () => toggle(idea.id),
          "data-key": `play-${idea.id}`,
        },
        icon("play"),
      );
      play.dataset.name = `Play ${idea.name}`;
      const wave = waveform({
        peaks: idea.peaks,
        tone: "idea",
        height: 30,
        label: `Waveform of ${idea.name}`,
        onseek: (share) => toggle(idea.id, share),
      });
      buttons.set(idea.id, play);
      waves.set(idea.id, wave);
      const long = idea.seconds < 60 ? `${idea.seconds.toFixed(1)} s` : clock(idea.seconds);
      const use = () => kernel.send("choose", { id: idea.id });
      return h(
        `li.lg-idea${idea.current ? ".current" : ""}`,
        { "aria-current": idea.current ? "true" : null },
        play,
        h(
          "div.lg-title",
          {},
          h("strong.clip", { title: idea.name }, idea.name),
          h("p.faint.small.num.clip", {}, `${long} · ${idea.sound}`),
        ),
        h("div.grow.lg-rowwave", {}, wave),
        idea.current
          ? h("span.lg-badge.plain.idea", {}, "in use")
          : button("Use", use, { "data-key": `use-${idea.id}`, "aria-label": `Use ${idea.name}` }),
        h(
          "button.lg-button.quiet.round.small-round",
          {
            type: "button",
            title: "Remove from the list",
            "aria-label": `Remove ${idea.name}`,
            "data-key": `remove-${idea.id}`,
            onclick: () => {
              if (playing === idea.id) stop();
              kernel.send("forget", { id: idea.id });
            },
          },
          icon("bin"),
        ),
      );
    };
    // A long list is folded: the one in use and the newest stand open.
    let all = false;
    const ideaList = () => {
      const ideas = model.get("ideas") || [];
      buttons.clear();
      waves.clear();
      if (!ideas.length) return null;
      const first = [...ideas].sort((a, b) => b.current - a.current);
      const shown = all ? ideas : first.slice(0, 3);
      const rest = ideas.length - shown.length;
      const unfold = () => {
        all = !all;
        list.redraw();
      };
      const label = all ? "Fewer ideas" : `${rest} more idea${rest > 1 ? "s" : ""}`;
      return [
        h("ul.lg-ideas", { "aria-label": "Ideas" }, shown.map(ideaRow)),
        rest || all ? button(label, unfold, { kind: "quiet", "data-key": "all-ideas" }) : null,
      ];
    };
    region(model, card, ["message"], () => {
      const said = model.get("message") || {};
      const undo = button("Bring it back", () => kernel.send("restore"), { "data-key": "restore" });
      return notice(said, said.undo ? undo : null);
    });
    const list = region(model, card, ["ideas"], ideaList);
    return () => {
      stop();
      quiet.remove(stop);
      close();
    };
  },
};
