// Tables: one builder for all, and the table of scenarios per year.
// Roles are written out because narrow screens lay rows out as blocks, which would otherwise drop the semantics.

import { element } from "./dom.js";
import { persons, t } from "./i18n.js";

const CELL = "utrecht-table__cell";
const HEAD = "utrecht-table__header-cell";

function headCell(column) {
  const numeric = column.numeric ? ` ${HEAD}--numeric-column` : "";
  return element("th", { class: HEAD + numeric, scope: "col", role: "columnheader" }, column.label);
}

function bodyCell(column, value, first) {
  const numeric = column.numeric ? ` ${CELL}--numeric-column ${CELL}--numeric-data` : "";
  const content = value instanceof Node ? value : document.createTextNode(value ?? "–");
  if (first) return element("th", { class: HEAD, scope: "row", role: "rowheader" }, content);
  return element("td", { class: CELL + numeric, role: "cell", "data-label": column.label }, content);
}

/** columns: [{label, numeric}], rows: lists of text or nodes in the same order; the first cell heads its row. */
export function table({ caption, columns, rows, stacks = false }) {
  const head = element("tr", { class: "utrecht-table__row", role: "row" }, ...columns.map(headCell));
  const body = rows.map((row) => {
    const cells = row.map((value, index) => bodyCell(columns[index], value, index === 0));
    return element("tr", { class: "utrecht-table__row", role: "row" }, ...cells);
  });
  return element(
    "table",
    { class: `utrecht-table${stacks ? " stacks" : ""}`, role: "table" },
    element("caption", { class: "utrecht-table__caption" }, caption),
    element("thead", { class: "utrecht-table__header", role: "rowgroup" }, head),
    element("tbody", { class: "utrecht-table__body", role: "rowgroup" }, ...body),
  );
}

export const SCENARIOS = ["minimum", "median", "medio", "maximum"];

export function scenarioTable(years) {
  const columns = [{ label: t("scenario.year") }];
  for (const name of SCENARIOS) columns.push({ label: t(`scenario.${name}`), numeric: true });
  columns.push({ label: t("scenario.observed"), numeric: true });
  const rows = years.map((year) => [
    String(year.year),
    ...SCENARIOS.map((name) => persons(year[name])),
    observedCell(year),
  ]);
  return table({ caption: t("scenario.caption"), columns, rows, stacks: true });
}

function observedCell(year) {
  if (!year.monthsObserved) return "–";
  const months = element("span", { class: "aside" }, `(${t("scenario.months", { months: year.monthsObserved })})`);
  return element("span", {}, persons(year.observedToDate), " ", months);
}
