// Saving: what changed, why, and the merge when someone else saved in between. Never overwrites what it has not seen.

import { ServiceError, getVersioned, send } from "../api.js";
import { byId, element } from "../dom.js";
import { sentenceFor } from "../failure.js";
import { persons, t } from "../i18n.js";
import { table } from "../tables.js";
import { closeDialog, dialogFault, faultLines, openDialog } from "./dialog.js";
import { bodyOf } from "./document.js";
import { changes } from "./merge.js";
import { openMerge } from "./merge_dialog.js";
import { placeName, valueText } from "./words.js";

const LONGEST_REASON = 2000;
const SHOWN = 60;

/**
 * page: {work(), base, id, etag, saved(answer, etag), merged(set, stored, etag), restored(set)}.
 * reason: what was typed before, when the dialog opens again after a merge.
 */
export function openSave(page, reason = "") {
  const { set } = page.work();
  const found = page.base ? changes(page.base, set) : null;
  if (found && !found.length) {
    openDialog({ heading: t("save.heading"), content: [element("p", {}, t("save.unchanged"))], actions: [], cancel: "dialog.close" });
    return;
  }
  const area = element("textarea", {
    class: "utrecht-textbox",
    id: "reason",
    rows: 4,
    autofocus: true,
    required: true,
    "aria-describedby": "reason-hint reason-count reason-error",
  });
  area.value = reason;
  area.addEventListener("input", () => count(area));
  const content = [
    ...(found ? [changeTable(found, [set, page.base])] : [element("p", {}, t("save.first"))]),
    element("label", { class: "utrecht-form-label", for: "reason" }, t("save.reason")),
    element("p", { class: "hint", id: "reason-hint" }, t("save.reasonHint")),
    area,
    element("p", { class: "hint", id: "reason-count" }),
    element("p", { class: "field-error", id: "reason-error", role: "alert" }),
  ];
  openDialog({ heading: t("save.heading"), content, wide: true, actions: [[t("save.submit"), () => submit(page, area), "primary-action", "save-submit"]] });
  count(area);
}

function count(area) {
  const { length } = area.value;
  byId("reason-count").textContent = t("save.count", { length: persons(length), longest: persons(LONGEST_REASON) });
  refuseReason(area, length > LONGEST_REASON ? tooLong(length) : "");
}

const tooLong = (length) => t("save.long", { longest: persons(LONGEST_REASON), length: persons(length) });

function refuseReason(area, sentence) {
  byId("reason-error").textContent = sentence;
  area.classList.toggle("utrecht-textbox--invalid", Boolean(sentence));
  if (sentence) area.setAttribute("aria-invalid", "true");
  else area.removeAttribute("aria-invalid");
}

export function changeTable(found, sets) {
  const columns = [{ label: t("merge.field") }, { label: t("merge.before") }, { label: t("merge.after") }];
  const rows = found.slice(0, SHOWN).map(({ path, before, after }) => [placeName(path, sets), valueText(path, before), valueText(path, after)]);
  const made = table({ caption: t("save.changes", { count: persons(found.length) }), columns, rows, stacks: true });
  return element("div", { class: "scroll scroll--short", tabindex: "0", role: "region", "aria-label": t("save.changesLabel") }, made);
}

async function submit(page, area) {
  const reason = area.value;
  if (!reason.trim()) return refuseAt(area, t("save.empty"));
  if (reason.length > LONGEST_REASON) return refuseAt(area, tooLong(reason.length));
  byId("save-submit").disabled = true;
  const { set } = page.work();
  try {
    const path = page.id ? `/scenario-sets/${encodeURIComponent(page.id)}` : "/scenario-sets";
    const answer = await send(page.id ? "PUT" : "POST", path, { ...set, reason }, page.id ? { match: page.etag } : {});
    closeDialog();
    await page.saved(answer.body, answer.etag);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.status === 412) await meet(page, reason).catch(refused);
    else refused(error);
  }
}

/** Nothing was saved: says why and lets the reader try again. */
function refused(error) {
  if (!(error instanceof ServiceError)) throw error;
  byId("save-submit").disabled = false;
  dialogFault(error.status === 400 ? t("save.refused") : sentenceFor(error.status), faultLines(error));
}

function refuseAt(area, sentence) {
  refuseReason(area, sentence);
  area.focus();
}

/** Someone saved in between: read theirs, let the reader choose per field, then ask to save again. */
async function meet(page, reason) {
  const { body: stored, etag } = await getVersioned(`/scenario-sets/${encodeURIComponent(page.id)}`);
  openMerge({
    base: page.base,
    mine: page.work().set,
    theirs: bodyOf(stored),
    heading: t("merge.heading"),
    intro: t("merge.intro", { who: stored.createdBy, version: stored.version }),
    done: (set) => {
      page.merged(set, stored, etag);
      openSave(page, reason);
    },
    apart: async (set) => {
      closeDialog();
      await page.apart(set, stored);
      openSave(page, reason);
    },
  });
}
