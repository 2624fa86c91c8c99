// LOGIN: a token for gated models. It goes to the kernel's environment, never into the notebook or onto disk.
const page = (label, href) => h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "login");
    region(model, root, ["status", "message"], () => {
      const status = model.get("status") || {};
      const field = h("input", {
        type: "password",
        autocomplete: "off",
        placeholder: "hf_…",
        "aria-label": "Hugging Face token",
        "data-key": "token",
        onkeydown: (event) => {
          if (event.key === "Enter") send();
        },
      });
      const send = () => {
        kernel.send("token", { token: field.value });
        field.value = "";
      };
      return h(
        "div.lg-card",
        {},
        h(
          "div.row",
          {},
          h("h3.grow", {}, "Hugging Face"),
          status.known
            ? h("span.lg-badge.pass", {}, icon("check"), status.where)
            : h("span.lg-badge.plain", {}, "no token"),
        ),
        h("p.muted", {}, "Only gated models ask for a login. The sketch engine and the free models work without one."),
        h(
          "ol.small",
          { style: { margin: "0", paddingLeft: "20px", color: "var(--lg-muted)" } },
          h(
            "li",
            {},
            "Logged in there, accept the terms on the page of ",
            (status.models || []).map((m, i) => [i ? ", " : "", page(m.title, m.page)]),
            ".",
          ),
          h("li", {}, page("Make a token", status.tokens), " with the right to read."),
          h(
            "li",
            {},
            status.colab
              ? "Save it as the Colab secret HF_TOKEN with notebook access, or paste it here."
              : "Paste it here; it is kept for this session only.",
          ),
        ),
        h("div.row", { style: { flexWrap: "nowrap" } }, field, button("Log in", send, { kind: "primary" })),
        notice(model.get("message")),
      );
    });
    return close;
  },
};
