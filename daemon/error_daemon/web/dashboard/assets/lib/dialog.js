// A question to the person at the page, in the browser's own <dialog>: it keeps the focus inside, Escape is no, and the focus goes back.
//
// ask({title, text, fields, yes, tone}) → the fields' values by name, or null where the answer was no.
// field: {name, label, value, choices: [[value, words]]}; without choices a line of text. One question at a time: another is not asked.

import { h, render } from "./render.js";

export function ask({ title, text, fields = [], yes, tone = "" }) {
  if (document.querySelector("dialog[open]")) return Promise.resolve(null);
  const node = document.createElement("dialog");
  node.setAttribute("aria-labelledby", "dialog-title");
  document.body.append(node);
  return new Promise((answered) => {
    let values = null;
    const submit = (event) => {
      event.preventDefault();
      values = Object.fromEntries(new FormData(event.target));
      node.close();
    };
    render(node,
      h("form", { method: "dialog", on: { submit } },
        h("h2", { id: "dialog-title" }, title),
        [].concat(text || []).map((line) => h("p", null, line)),
        fields.map(field),
        h("div", { class: "buttons" },
          h("button", { type: "button", class: "button", on: { click: () => node.close() } }, "Cancel"),
          h("button", { type: "submit", class: `button main ${tone}` }, yes))));
    node.addEventListener("close", () => {
      node.remove();
      answered(values);
    });
    node.showModal();
  });
}

function field({ name, label, value = "", choices }) {
  if (!choices) {
    return h("label", { class: "field" }, h("span", null, label),
      h("input", { name, value, autocomplete: "off", maxlength: "500" }));
  }
  return h("fieldset", null, h("legend", null, label), choices.map(([one, words]) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name, value: one, checked: one === value }), h("span", null, words))));
}
