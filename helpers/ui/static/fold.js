// A panel that is one line until it is opened: MODELS and LOGIN, which most visits do not need.

/** `line` is what the line says, `content` what lies behind it. Opened once, it stays open while the panel lives. */
const folded = (state, title, line, ...content) =>
  h(
    "details.lg-card.lg-folded",
    {
      open: !!state.open,
      ontoggle: (event) => {
        state.open = event.currentTarget.open;
      },
    },
    h(
      "summary",
      { "data-key": "fold" },
      h("strong", {}, title),
      h("span.muted.grow", { title: line }, line),
      icon("fold"),
    ),
    h("div.stack", {}, content),
  );
