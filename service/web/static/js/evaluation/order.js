// The form that says what to evaluate: filled from what the archive holds, read as the service takes it.

import { byId, element, show } from "../dom.js";
import { named, parseNumber, place, t } from "../i18n.js";

let contents = [];

/** contents: rows of GET /archive-contents, one per target, issuer and stage. */
export function drawOrder(found) {
  contents = found;
  byId("target").addEventListener("change", drawDependants);
  redrawOrder();
}

export function redrawOrder() {
  show(byId("order-section"), true);
  show(byId("archive-empty"), contents.length === 0);
  show(byId("order"), contents.length > 0);
  const targets = unique(contents.map(keyOf));
  fill(byId("target"), targets.map((key) => [key, targetName(key)]));
  drawDependants();
}

const keyOf = (row) => [row.series, row.geo, row.citizen].join(" ");
const unique = (values) => [...new Set(values)].sort();

function targetName(key) {
  const [series, geo, citizen] = key.split(" ");
  const name = t("series.in", { series: named("series", series), place: place(geo) });
  return citizen === "TOTAL" ? name : `${name} ${t("series.citizen", { citizen })}`;
}

function drawDependants() {
  const rows = contents.filter((row) => keyOf(row) === byId("target").value);
  fill(byId("issuer"), [["", t("order.all")], ...unique(rows.map((row) => row.issuer)).map((name) => [name, name])]);
  const stages = ["experts", "model", "combined", "estimate", "adopted"].filter((stage) =>
    rows.some((row) => row.stage === stage),
  );
  fill(byId("moment"), [["", t("order.allStages")], ...stages.map((stage) => [stage, named("moment", stage)])]);
  if (!rows.length) return;
  byId("from").placeholder = String(Math.min(...rows.map((row) => row.firstYear)));
  byId("to").placeholder = String(Math.max(...rows.map((row) => row.lastYear)));
}

function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, label]) => element("option", { value }, label)));
  if (options.some(([value]) => value === before)) select.value = before;
}

/** {order, faults}: the body for POST /evaluations, and what in the form cannot be read. */
export function statedOrder() {
  const [series, geo, citizen] = byId("target").value.split(" ");
  const faults = [];
  const filter = { series, geo, citizen };
  if (byId("issuer").value) filter.issuer = byId("issuer").value;
  if (byId("moment").value) filter.stage = byId("moment").value;
  const years = readYears(faults);
  if (years) filter.targetYears = years;
  const rope = parseNumber(byId("rope").value);
  if (rope === null || rope <= 0 || rope >= 100) faults.push(t("order.ropeFault"));
  const realisations = {};
  if (byId("source").value.trim()) realisations.source = byId("source").value.trim();
  if (byId("as-of").value) realisations.asOf = byId("as-of").value;
  return { order: { filter, realisations, rope: rope / 100 }, faults };
}

function readYears(faults) {
  const texts = [byId("from"), byId("to")].map((input) => input.value.trim() || input.placeholder);
  if (!byId("from").value.trim() && !byId("to").value.trim()) return null;
  if (!texts.every((text) => /^\d{4}$/.test(text))) {
    faults.push(t("order.yearFault"));
    return null;
  }
  return texts.map(Number);
}
