// The head of the page: which set and version this is, what can be undone, and where the draft is kept.

import { byId, show } from "../dom.js";
import { moment, t } from "../i18n.js";

/** shown: {set, stored, history, dirty, kept}; kept is where the draft is, as drafts.js reports it. */
export function drawHead({ set, stored, history, dirty, kept }) {
  byId("set-heading").textContent = set.name || t("sets.unnamed");
  const words = stored && { version: stored.version, who: stored.createdBy, at: moment(stored.createdAt) };
  byId("set-state").textContent = stored ? t("sets.version", words) : t("sets.notSaved");
  show(byId("set-ledger").parentElement, Boolean(stored));
  if (stored) byId("set-ledger").href = `/grootboek?set=${encodeURIComponent(stored.id)}`;
  byId("undo").disabled = !history.canUndo;
  byId("redo").disabled = !history.canRedo;
  for (const id of ["export-csv", "export-xlsx"]) byId(id).disabled = !stored;
  drawKept(dirty, kept);
}

export function drawKept(dirty, kept) {
  const key = dirty ? (kept ? `draft.${kept}` : "draft.dirty") : "draft.same";
  const node = byId("draft-state");
  if (node.textContent !== t(key)) node.textContent = t(key);
  node.classList.toggle("toolbar__state--offline", dirty && ["offline", "clash"].includes(kept));
}
