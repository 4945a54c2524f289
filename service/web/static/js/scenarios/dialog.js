// One modal dialog for the page: heading, content, buttons. Escape closes it; focus returns to where it was.

import { byId, element } from "../dom.js";
import { t } from "../i18n.js";
import { said } from "../service_words.js";
import { button } from "./controls.js";

let returnTo = null;

/** actions: [[label, action, kind?, id?]]; a cancel button is added. Replaces what an open dialog shows. */
export function openDialog({ heading, content, actions, wide = false, cancel = "dialog.cancel" }) {
  const dialog = byId("dialog");
  if (!dialog.open) returnTo = document.activeElement?.id;
  const buttons = actions.map(([label, action, kind = "primary-action", id = null]) => button(label, action, { kind, id }));
  dialog.classList.toggle("dialog--wide", wide);
  dialog.replaceChildren(
    element("h2", { class: "utrecht-heading-2", id: "dialog-heading", tabindex: "-1" }, heading),
    ...content,
    element("div", { class: "dialog__fault", id: "dialog-fault", role: "alert" }),
    element("div", { class: "dialog__actions" }, ...buttons, button(t(cancel), closeDialog, { kind: "subtle", id: "dialog-cancel" })),
  );
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? byId("dialog-heading")).focus();
}

export function closeDialog() {
  byId("dialog").close();
}

/** Once, at the start of the page. */
export function startDialog() {
  byId("dialog").addEventListener("close", () => {
    byId("dialog").replaceChildren();
    if (returnTo) document.getElementById(returnTo)?.focus();
  });
}

export const dialogIsOpen = () => byId("dialog").open;

/** One sentence, or the service's faults as a list. */
export function dialogFault(sentence, lines = []) {
  const box = element("div", { class: "utrecht-alert utrecht-alert--error notice" }, element("p", {}, sentence));
  if (lines.length) box.append(element("ul", {}, ...lines));
  byId("dialog-fault").replaceChildren(box);
}

/** A list item per fault of a refusal, with the place it is at. */
export function faultLines({ errors, detail, detailNl }) {
  const faults = errors?.length ? errors : [{ field: "", detail, detailNl }].filter((one) => one.detail);
  return faults.map((fault) => element("li", {}, said(fault, place(fault))));
}

// A cell or a row helps; a place in a document does not where the sentence was written for readers of a page.
function place({ field, row, detailNl }) {
  if (row && ["header", "row"].includes(field)) return `${t("fault.row", { row })}: `;
  if (!field || ["header", "row", "file"].includes(field) || (field.startsWith("/") && detailNl)) return "";
  return `${field}: `;
}
