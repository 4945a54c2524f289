// The distribution of one year's total: the forecast as a filled curve with the four scenarios marked, beside it
// the experts' (dashed) and the model's own (dotted). A threshold shades the part above it.

import { shape } from "../dom.js";
import { percent, persons, t } from "../i18n.js";
import { SCENARIOS } from "../tables.js";
import { figure, label } from "./figure.js";

const { scaleLinear, line, area, bisectLeft, curveMonotoneX } = globalThis.d3;
const ROW = 17;
// Pixels that a letter of a name takes at most, on average.
const LETTER = 7.4;
const MARGIN = { top: 12 + SCENARIOS.length * ROW, right: 12, bottom: 46, left: 12 };

/** Linear interpolation of values (y) at x = at, constant outside. */
export function interpolate(x, y, at) {
  const right = bisectLeft(x, at);
  if (right === 0) return y[0];
  if (right === x.length) return y.at(-1);
  const share = (at - x[right - 1]) / (x[right] - x[right - 1] || 1);
  return y[right - 1] + share * (y[right] - y[right - 1]);
}

/** The x below which a share `level` of the curve lies. */
function quantile({ x, cdf }, level) {
  return interpolate(cdf, x, level);
}

const nameOf = (layer) => layer.label ?? t(`layer.${layer.layer}`);

/**
 * layers: [{layer, label?, x, pdf, cdf, median}], the forecast first; year: its row of interval-scenarios; above:
 * number or null; frame: [low, high] to draw within, by default what the layers need.
 */
export function drawDensity(host, { layers, year, share, above, missing, frame = domainOf(layers) }) {
  figure(host, {
    id: "density",
    title: t("density.title", { year: year.year }),
    summary: summary(layers, year, share, missing),
    legend: legend(layers, above),
    data: () => figures(layers, year),
    draw: (width) => draw(layers, year, above, width, frame),
  });
}

function legend(layers, above) {
  const entries = layers.map((one) => ({
    kind: one.layer === "posterior" ? "area-posterior" : `line-${one.layer}`,
    label: nameOf(one),
  }));
  if (above !== null) entries.push({ kind: "area-tail", label: t("density.tail", { above: persons(above) }) });
  return entries;
}

/** The range in which everything that matters of the layers lies. */
export function domainOf(layers) {
  // Long tails would press everything that matters into a corner: the far ends are left to the table and the field.
  const low = Math.min(...layers.map((layer) => quantile(layer, 0.002)));
  const high = Math.max(...layers.map((layer) => quantile(layer, 0.975)));
  const room = 0.02 * (high - low || 1);
  return [Math.max(0, low - room), high + room];
}

function draw(layers, year, above, width, frame) {
  const height = width < 480 ? 300 : 360;
  const x = scaleLinear(frame, [MARGIN.left, width - MARGIN.right]);
  const top = Math.max(...layers.flatMap((layer) => layer.pdf));
  const y = scaleLinear([0, top], [height - MARGIN.bottom, MARGIN.top]);
  const inside = (layer) => curve(layer, x.domain());
  const [forecast, ...others] = layers;
  const filled = area((p) => x(p[0]), y(0), (p) => y(p[1])).curve(curveMonotoneX);
  const outline = line((p) => x(p[0]), (p) => y(p[1])).curve(curveMonotoneX);
  const marks = [shape("path", { class: "area-posterior", d: filled(inside(forecast)) })];
  if (above !== null) marks.push(...tail(forecast, above, x, y, filled));
  for (const layer of others) marks.push(shape("path", { class: `line-${layer.layer}`, d: outline(inside(layer)) }));
  marks.push(shape("path", { class: "line-posterior", d: outline(inside(forecast)) }));
  marks.push(...bottomAxis(x, y, width, height, year), ...scenarioMarks(year, x, y));
  marks.push(label(t("density.height"), MARGIN.left, 12, "start", "axis-title"));
  return { height, marks };
}

/** Points of a layer within [low, high], with the ends interpolated so that the curve meets the frame. */
function curve({ x, pdf }, [low, high]) {
  const points = x.map((at, index) => [at, pdf[index]]).filter(([at]) => at > low && at < high);
  const end = (at) => (at < x[0] || at > x.at(-1) ? [] : [[at, interpolate(x, pdf, at)]]);
  return [...end(low), ...points, ...end(high)];
}

function tail(forecast, above, x, y, filled) {
  const [low, high] = x.domain();
  if (above >= high) return [];
  const from = Math.max(above, low);
  const marks = [shape("path", { class: "area-tail", d: filled(curve(forecast, [from, high])) })];
  if (above > low) marks.push(shape("path", { class: "threshold", d: `M${x(above)} ${y(0)}V${MARGIN.top - 4}` }));
  return marks;
}

function bottomAxis(x, y, width, height, year) {
  const floor = y(0);
  const marks = [shape("path", { class: "axis", d: `M${MARGIN.left} ${floor}H${width - MARGIN.right}` })];
  for (const value of x.ticks(Math.max(3, Math.floor(width / 95)))) {
    marks.push(shape("path", { class: "axis", d: `M${x(value)} ${floor}v6` }));
    const edge = x(value) > width - 24 ? "end" : x(value) < 24 ? "start" : "middle";
    marks.push(label(persons(value), x(value), floor + 20, edge));
  }
  marks.push(label(t("density.axis", { year: year.year }), width - MARGIN.right, height - 6, "end", "axis-title"));
  return marks;
}

// Every scenario has a row of its own above the curve, so that names never collide, at any width. The lines to the
// right of a name end below it; where a name only fits to the left it lies over its neighbours' lines.
function scenarioMarks(year, x, y) {
  const [, end] = x.range();
  const marks = SCENARIOS.map((name, index) => {
    const at = x(year[name]);
    const text = `${t(`scenario.${name}`)} ${persons(year[name])}`;
    return { name, at, text, row: 12 + (index + 1) * ROW, left: at + 6 + LETTER * text.length > end };
  });
  const lines = marks.map(({ name, at, row }) =>
    shape("path", { class: `mark mark--${name}`, d: `M${at} ${y(0)}V${row - 10}` }),
  );
  const names = marks.map(({ at, text, row, left }) =>
    label(text, left ? at - 6 : at + 6, row, left ? "end" : "start", "value"),
  );
  return [...lines, ...names];
}

function summary(layers, year, share, missing) {
  const marks = Object.fromEntries(SCENARIOS.map((name) => [name, persons(year[name])]));
  const sentences = [t("density.summary", { ...marks, year: year.year, share: percent(share) })];
  for (const layer of layers.slice(1)) {
    const words = { layer: nameOf(layer), median: persons(layer.median) };
    const sentence = t("density.summaryOther", words);
    sentences.push(sentence[0].toUpperCase() + sentence.slice(1));
  }
  for (const layer of missing) sentences.push(t("density.unavailable", { year: year.year, layer: t(`layer.${layer}`) }));
  return sentences.join(" ");
}

function figures(layers, year) {
  const columns = [{ label: t("density.column.x") }];
  for (const layer of layers) {
    columns.push({ label: `${t("density.column.level")}: ${nameOf(layer)}`, numeric: true });
  }
  const [low, high] = domainOf(layers);
  const rows = scaleLinear([low, high], [0, 1])
    .ticks(20)
    .map((at) => [persons(at), ...layers.map((layer) => percent(interpolate(layer.x, layer.cdf, at), 1))]);
  return { caption: t("density.title", { year: year.year }), columns, rows };
}
