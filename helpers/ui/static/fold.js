// A panel that is one line until it is opened: MODELS and LOGIN, which most visits do not need.

/** `line` is what the line says, `content` what lies behind it. */
const folded = (title, line, ...content) =>
  h(
    "details.lg-card.lg-folded",
    {},
    h(
      "summary",
      { "data-key": "fold" },
      h("strong", {}, title),
      h("span.muted.grow", { title: line }, line),
      icon("fold"),
    ),
    h("div.stack", {}, content),
  );
