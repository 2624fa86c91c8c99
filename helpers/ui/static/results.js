// RESULTS: loop cards with their proof, the stack of what was kept, and one gapless player.
export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "results", "Results");
    const groups = () => model.get("groups") || [];
    const cardOf = (id) =>
      groups()
        .flatMap((g) => g.loops)
        .find((l) => l.id === id);
    const view = { open: new Map(), waves: new Map(), plays: new Map(), redraw: () => list.redraw() };
    let timer = 0;

    const show = () => {
      const share = player.share();
      for (const [id, wave] of view.waves) wave.progress(id === player.current ? share : null);
      for (const [id, play] of view.plays) {
        const on = id === player.current && player.playing();
        showPlaying(play, on);
        play.closest(".lg-loop")?.classList.toggle("playing", on);
      }
      bar.update();
      showPlaying(stackPlay, player.current === "stack" && player.playing());
      cancelAnimationFrame(timer);
      if (player.playing()) timer = requestAnimationFrame(show);
    };
    const player = loopPlayer(kernel, cardOf, show);
    const best = () => groups().flatMap((g) => g.loops.filter((l) => l.mark !== "discarded"))[0];
    const { slot, bar } = deckBar(root, player, cardOf, best);

    // The progress of what was pressed on a card stands on that card; it is one element that moves.
    const jobHome = h("div");
    const jobBox = jobPanel(model, jobHome, kernel, (job) => !!job.at);
    view.jobHere = (article) => article.append(jobBox);

    /** Fetch the best of the newest loops, and the idea under it, before play is pressed. */
    const ready = () => {
      if (best()) for (const kind of ["loop", "idea"]) kernel.fetch(`${kind}:${best().id}`).catch(() => {}); // play says it
    };

    // ----------------------------------------------------------------------------------------------------------- stack
    let stackPlay = null;
    const soloed = new Set();
    const levels = () => {
      const rows = model.get("stack") || [];
      return Object.fromEntries(rows.map((r) => [r.id, soloed.size && !soloed.has(r.id) ? 0 : levelOf(r)]));
    };
    const dragged = new Map();
    const levelOf = (row) => dragged.get(row.id) ?? row.level;
    const mixStack = () => {
      if (player.current === "stack") player.transport?.setMix(levels());
    };
    const stackRow = (row) => {
      const silent = levelOf(row) === 0;
      const send = (level) => {
        dragged.set(row.id, level);
        kernel.send("level", { name: row.id, level });
      };
      const slide = h("input", {
        type: "range",
        min: 0,
        max: 1,
        step: 0.02,
        "aria-label": `Level of ${row.title}`,
        "data-key": `level-${row.id}`,
        oninput: (event) => {
          dragged.set(row.id, Number(event.target.value));
          mixStack();
        },
        onchange: (event) => send(Number(event.target.value)),
      });
      slide.value = levelOf(row);
      const toggle = (label, pressed, act) => {
        const press = () => {
          act();
          mixStack();
          stackArea.redraw();
        };
        const key = `${label.toLowerCase()}-${row.id}`;
        return chip(label, press, { pressed, "aria-label": `${label} ${row.title}`, "data-key": key });
      };
      return h(
        "div.lg-stackrow",
        {},
        h("span.clip", { title: row.facts }, row.title),
        slide,
        toggle("Mute", silent, () => send(silent ? 0.8 : 0)),
        toggle("Solo", soloed.has(row.id), () => soloed[soloed.has(row.id) ? "delete" : "add"](row.id)),
      );
    };
    const stackCard = () => {
      const rows = model.get("stack") || [];
      if (!rows.length) return null;
      const press = () => player.toggleStack(rows, levels());
      stackPlay = playButton("Play the stack", press, { kind: ".t-stack", "data-key": "stack" });
      const next = () => kernel.send("stack_idea");
      return h(
        "div.lg-card.t-stackcard",
        {},
        h(
          "div.row",
          {},
          stackPlay,
          h("div.grow", {}, h("h3", {}, "Stack"), small("The idea and the loops you keep, together.")),
          button("Next part for the stack", next, { picture: "up", "data-key": "stack-idea" }),
        ),
        rows.map(stackRow),
      );
    };

    // ----------------------------------------------------------------------------------------------------------- cards
    const groupView = (group, i, actions) => {
      const loops = group.loops.filter((l) => l.mark !== "discarded");
      const gone = group.loops.filter((l) => l.mark === "discarded");
      const restore = () => {
        for (const l of gone) kernel.send("mark", { name: l.id, mark: "" });
      };
      const newest = i === 0;
      return h(
        "section.stack.lg-run",
        { "aria-label": group.title },
        h(
          "div.row",
          {},
          h("h3", {}, group.title),
          h("span.small.muted.num.grow", {}, group.facts),
          gone.length ? chip(`${gone.length} discarded · bring back`, restore, { "data-key": `undo-${i}` }) : null,
          newest ? actions : null,
        ),
        newest && group.notes.length
          ? h(
              "div.lg-remarks",
              {},
              group.notes.map((n) => small(n)),
            )
          : null,
        loops.map((card, n) =>
          loopCard(model, kernel, player, view, card, {
            among: group.loops.length,
            run: groups().length - i,
            open: newest && n === 0,
          }),
        ),
      );
    };
    const drawCards = () => {
      view.waves.clear();
      view.plays.clear();
      jobHome.append(jobBox);
      const all = groups().flatMap((g) => g.loops);
      slot.hidden = !all.length;
      if (!all.length) return h("div.lg-empty", {}, "No loops yet: they appear here as soon as they are made.");
      const kept = all.filter((l) => l.mark === "kept");
      const ids = (kept.length ? kept : all.filter((l) => l.mark !== "discarded")).map((l) => l.id);
      const options = model.get("options") || {};
      const actions = [
        options.drive ? button("Save to Drive", () => kernel.send("drive", { names: ids })) : null,
        ids.length
          ? saveButton(
              kernel,
              `zip:${ids.join("|")}`,
              `ZIP of ${kept.length ? `${ids.length} kept` : `all ${ids.length}`}`,
              {
                "data-key": "zip",
              },
            )
          : null,
      ];
      const where = [
        options.folder ? `Every loop is saved in the folder “${options.folder.split(/[\\/]/).pop()}”.` : "",
        options.older ? `${options.older} older runs are there too.` : "",
      ];
      return [groups().map((group, i) => groupView(group, i, actions)), small(where.join(" "))];
    };

    root.append(slot);
    region(model, root, ["message"], () => {
      const said = model.get("message");
      return said?.at && cardOf(said.at) ? null : notice(said); // a card's own word stands on the card
    });
    const stackArea = region(model, root, ["stack"], stackCard);
    const list = region(model, root, ["groups", "message"], drawCards);
    // The card that was pressed, else the one that plays, else the first one in sight, does not move.
    list.steady = heldInView(() => {
      const pressed = model.get("job")?.at;
      const cards = [...list.querySelectorAll(".lg-loop")];
      const inSight = (card) => {
        const { top, bottom } = card.getBoundingClientRect();
        return bottom > 0 && top < window.innerHeight;
      };
      const held = cards.find((card) => card.dataset.loop === (pressed || player.current));
      return held && inSight(held) ? held : null;
    });
    let at = null;
    model.on("change:job", () => {
      const job = model.get("job") || {};
      const now = `${!!job.running} ${job.at || ""}`;
      if (now !== at) {
        at = now;
        list.redraw();
        show();
      }
    });
    model.on("change:groups", () => {
      show();
      ready();
    });
    const playHereToo = (event) => {
      const id = cardOf(event.detail) ? event.detail : null;
      if (id && !(player.playing() && player.current === id)) player.toggle(id);
    };
    window.addEventListener("loops-generator-play", playHereToo);
    onClose(root, () => window.removeEventListener("loops-generator-play", playHereToo));
    // The still picture in the same cell is for readers without a kernel; here the panel itself is alive.
    const hideStill = () => {
      (el.closest(".jp-OutputArea, .output") || document.body).classList.add("loops-generator-live");
    };
    requestAnimationFrame(hideStill);
    el.lgPlayer = player;
    root.tabIndex = -1;
    show();
    return () => {
      player.close();
      list.replaceChildren();
      close();
    };
  },
};
