// Files in and out: a set from CSV or XLSX becomes the draft (nothing is stored by that), the stored version goes out.

import { ServiceError, getFile, saveFile, send } from "../api.js";
import { byId, element } from "../dom.js";
import { failWith, sentenceFor } from "../failure.js";
import { t } from "../i18n.js";
import { faultLines, openDialog } from "./dialog.js";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const LARGEST = 5_000_000;

/** receive(parts) gets what a file says; stored() is the version that goes out. */
export function startTransfer({ receive, stored }) {
  byId("import-set").addEventListener("click", () => byId("import-file").click());
  byId("import-file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) importFile(file, receive).catch(failWith);
  });
  for (const format of ["csv", "xlsx"]) {
    byId(`export-${format}`).addEventListener("click", () => exportSet(stored(), format).catch(failWith));
  }
}

/** Gives the set in a file to receive(set); what is wrong with the file is shown with its cells. */
async function importFile(file, receive) {
  if (file.size > LARGEST) return refuse(file, t("import.large"), []);
  const type = /\.xlsx$/i.test(file.name) ? XLSX : "text/csv";
  try {
    const { body } = await send("POST", "/scenario-set-imports", file, { type });
    receive(body.scenarioSet ?? body);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    refuse(file, error.status === 400 ? t("import.refused") : sentenceFor(error.status), faultLines(error));
  }
}

function refuse(file, sentence, lines) {
  const list = lines.length ? [element("ul", { class: "faults" }, ...lines)] : [];
  const content = [element("p", {}, element("strong", {}, file.name)), element("p", {}, sentence), ...list];
  openDialog({ heading: t("import.heading"), content, actions: [], cancel: "dialog.close" });
}

async function exportSet(set, format) {
  const blob = await getFile(`/scenario-sets/${encodeURIComponent(set.id)}/export`, { format });
  saveFile(blob, `${fileName(set)}.${format}`);
}

const fileName = (set) => `${set.edition}-v${set.version}`.replace(/[^\w.-]+/g, "-");
