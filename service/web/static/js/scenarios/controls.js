// The small controls that cards and dialogs share: a button, a check box, a part that folds away.

import { element } from "../dom.js";

export const button = (label, action, { kind = "secondary-action", name = null, id = null } = {}) => {
  const attributes = { type: "button", id, class: `utrecht-button utrecht-button--${kind}`, "aria-label": name };
  const node = element("button", attributes, label);
  node.addEventListener("click", action);
  return node;
};

/** open: ids of the folds that are open, so that cards built anew keep them. */
export function fold(id, label, open, ...children) {
  return element("details", { class: "card__fold", id, open: open.has(id) }, element("summary", {}, label), ...children);
}

export function check(label, checked, id, change) {
  const box = element("input", { type: "checkbox", id, class: "utrecht-checkbox utrecht-checkbox--html-input", checked });
  box.addEventListener("change", () => change(box.checked));
  return element("label", { class: "utrecht-form-label utrecht-form-label--checkbox check" }, box, element("span", {}, label));
}
