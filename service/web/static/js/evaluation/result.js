// What an evaluation found: the verdict in a sentence, key figures, the bias as a picture, every error in a table.

import { getFile } from "../api.js";
import { figure } from "../charts/figure.js";
import { byId, element, shape, show } from "../dom.js";
import { failWith } from "../failure.js";
import { language, named, number, percent, persons, signed, t } from "../i18n.js";
import { said } from "../service_words.js";
import { table } from "../tables.js";

const NONE = "–";
const share = (value) => (value === null ? NONE : `${signed(100 * value)}%`);
/** A log ratio as what it means: 0.5 is 64.9% too high. */
const lean = (value) => (value === null ? NONE : share(Math.expm1(value)));
const range = (low, high) => (low === null || high === null ? NONE : t("figure.range", { low: lean(low), high: lean(high) }));

export function drawResult(found) {
  byId("result-heading").textContent = t("result.heading", { forecasts: found.nForecasts, years: found.nTargetYears });
  byId("verdict").textContent = verdict(found.bias);
  // A result of an earlier version has no summary, and no report until it is ordered again.
  byId("summary").replaceChildren(...(found.summary?.[language()] ?? []).map((sentence) => element("li", {}, sentence)));
  show(byId("summary"), Boolean(found.summary));
  drawReports(found);
  byId("key-figures").replaceChildren(keyFigures(found));
  drawNotes(found);
  show(byId("bias-section"), found.bias !== null);
  if (found.bias) drawBias(found.bias);
  byId("errors").replaceChildren(errorTable(found.errors));
}

/** "combined -> adopted" in the words of the reader. */
const step = (text) => text.split(" -> ").map((stage) => named("moment", stage)).join(" → ");

function verdict(bias) {
  return bias ? t(`verdict.${bias.verdict}`) : t("verdict.refused");
}

/** Why things were left out or passed over; a result of an earlier version has only the service's English of it. */
function drawNotes({ notesInWords, leftOut }) {
  const notes = notesInWords?.[language()] ?? leftOut.map((one) => said(one));
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, note)));
  show(byId("notes-section"), notes.length > 0);
}

function drawReports(found) {
  const links = ["html", "pdf"].map((form) => element("li", {}, reportLink(found.id, form)));
  byId("reports").replaceChildren(...links);
}

function reportLink(id, form) {
  const path = `/evaluations/${encodeURIComponent(id)}/report`;
  const query = { language: language(), format: form };
  const href = `/v1${path}?${new URLSearchParams(query)}`;
  const link = element("a", { class: "utrecht-link utrecht-link--html-a", href }, t(`report.${form}`));
  // With an access code the report is fetched and saved: a plain link cannot carry the code.
  link.addEventListener("click", (event) => {
    if (!sessionStorage.getItem("instroom.token")) return;
    event.preventDefault();
    getFile(path, query).then((blob) => save(blob, `instroom-evaluation.${form}`)).catch(failWith);
  });
  return link;
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function keyFigures({ bias, coverage, scores, sequential }) {
  const rows = [];
  if (bias) {
    rows.push([t("figure.bias"), `${lean(bias.mean)} (${range(bias.lower95, bias.upper95)})`]);
    rows.push([t("figure.inRope", { rope: percent(bias.rope) }), percent(bias.probabilityInRope)]);
    rows.push([t("figure.detectable"), bias.minimumDetectable === null ? NONE : percent(Math.expm1(bias.minimumDetectable))]);
    rows.push([t("figure.bayesFactor"), number(bias.bayesFactor)]);
    if (bias.enteredAt) rows.push([t("figure.enteredAt"), step(bias.enteredAt)]);
  }
  if (coverage.n) {
    const held = t("figure.inside", { inside: coverage.inside, n: coverage.n });
    const exact = coverage.lower95 === null ? "" : ` (${percent(coverage.lower95)} – ${percent(coverage.upper95)})`;
    rows.push([t("figure.coverage", { share: percent(coverage.intervalProbability) }), held + exact]);
  }
  if (scores.mape !== null) rows.push([t("figure.mape"), percent(scores.mape, 1)]);
  const skill = scores.skill.lastYear;
  if (skill !== null && skill !== undefined) rows.push([t("figure.skill"), share(skill)]);
  if (sequential) rows.push([t("figure.eValue"), number(sequential.eValue)]);
  const columns = [{ label: t("figure.name") }, { label: t("figure.value"), numeric: true }];
  return table({ caption: t("figure.caption"), columns, rows, stacks: true });
}

function biasRows(bias) {
  const rows = [{ label: t("bias.all"), ...bias }];
  for (const one of bias.byStage) rows.push({ label: named("moment", one.group), ...one });
  for (const one of bias.byHorizon) rows.push({ label: t("bias.horizon", { horizon: one.group }), ...one });
  return rows;
}

function drawBias(bias) {
  const rows = biasRows(bias);
  figure(byId("bias"), {
    id: "bias-chart",
    title: t("bias.heading"),
    summary: t("bias.summary", { rope: percent(bias.rope) }),
    legend: [
      { kind: "dot-bias", label: t("bias.mean") },
      { kind: "line-bias", label: t("bias.interval") },
      { kind: "box-rope", label: t("bias.rope") },
    ],
    data: () => ({
      caption: t("bias.heading"),
      columns: [{ label: t("bias.group") }, { label: t("bias.mean"), numeric: true }, { label: t("bias.interval"), numeric: true }],
      rows: rows.map((row) => [row.label, lean(row.mean), range(row.lower95, row.upper95)]),
    }),
    draw: (width) => drawIntervals(rows, bias.rope, width),
  });
}

function drawIntervals(rows, rope, width) {
  const [left, step, top] = [width < 480 ? 104 : 150, 34, 8];
  const at = (value) => scale(Math.expm1(value));
  const ends = rows.flatMap((row) => [Math.expm1(row.lower95), Math.expm1(row.upper95), rope, -rope]);
  const scale = d3.scaleLinear([Math.min(...ends), Math.max(...ends)], [left + 8, width - 24]).nice(5);
  const bottom = top + step * rows.length;
  const marks = [shape("rect", { class: "box-rope", x: scale(-rope), y: top, width: scale(rope) - scale(-rope), height: bottom - top })];
  for (const value of scale.ticks(width < 480 ? 3 : 6)) {
    marks.push(shape("path", { class: value === 0 ? "axis" : "grid", d: `M${scale(value)} ${top}V${bottom}` }));
    marks.push(shape("text", { class: "tick", x: scale(value), y: bottom + 20, "text-anchor": "middle" }, `${signed(100 * value, 0)}%`));
  }
  rows.forEach((row, index) => {
    const y = top + step * (index + 0.5);
    marks.push(shape("text", { class: "tick", x: left - 4, y, dy: "0.32em", "text-anchor": "end" }, row.label));
    marks.push(shape("path", { class: "line-bias", d: `M${at(row.lower95)} ${y}H${at(row.upper95)}` }));
    marks.push(shape("circle", { class: "dot-bias", cx: at(row.mean), cy: y, r: 4.5 }));
  });
  return { height: bottom + 30, marks };
}

function errorTable(errors) {
  const columns = [
    { label: t("errors.edition") },
    { label: t("errors.year") },
    { label: t("errors.moment") },
    { label: t("errors.issuer") },
    { label: t("errors.median"), numeric: true },
    { label: t("errors.realised"), numeric: true },
    { label: t("errors.error"), numeric: true },
  ];
  const rows = errors.map((one) => [
    one.edition,
    String(one.targetYear),
    named("moment", one.stage),
    one.expert ? `${one.issuer} / ${one.expert}` : one.issuer,
    one.median === null ? NONE : persons(one.median),
    persons(one.realised),
    lean(one.logError),
  ]);
  return table({ caption: t("errors.caption"), columns, rows });
}
