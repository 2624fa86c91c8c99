// LOGIN: a token for gated models. It goes to the kernel's environment, never into the notebook or onto disk.
const page = (label, href) => h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);

export default {
  render({ model, el }) {
    const { root, kernel, close } = frame(el, model, "login", "Login");
    region(model, root, ["status", "message"], () => {
      const status = model.get("status") || {};
      if (model.get("served")) return h("p.small.muted", {}, "Logging in is up to the owner of this page.");
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
      const models = (status.models || []).flatMap((m, i) => [i ? ", " : "", page(m.title, m.page)]);
      return folded(
        "Login",
        status.known ? "a Hugging Face token was found" : "only for Stable Audio Open; everything else works without",
        h(
          "ol.small.lg-steps",
          {},
          h("li", {}, "On Hugging Face, logged in, accept the terms of ", models, "."),
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
