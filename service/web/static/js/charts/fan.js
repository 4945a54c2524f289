// The monthly chart: counted months as a solid line, then the median and the bands up to the horizon.
// Under it a slider reads out one month, for pointer, touch and keyboard alike.

import { element, shape } from "../dom.js";
import { decimal, month as monthName, percent, persons, t } from "../i18n.js";
import { figure, label, leftAxis } from "./figure.js";

const { scaleLinear, scaleUtc, line, area, leastIndex } = globalThis.d3;
const MARGIN = { top: 36, right: 12, bottom: 30, left: 50 };
const start = (month) => new Date(`${month}-01T00:00:00Z`);

/** Pairs of levels around the middle, widest first: [{lower, upper, share}]. */
export function bandsOf(levels) {
  const close = (a, b) => Math.abs(a - b) < 1e-9;
  return levels
    .filter((level) => level < 0.5 && levels.some((other) => close(other, 1 - level)))
    .sort((a, b) => a - b)
    .map((lower) => ({ lower, upper: levels.find((other) => close(other, 1 - lower)), share: 1 - 2 * lower }));
}

// Words use the band of the interval scenarios where there is one, so that chart and table say the same.
const spoken = (bands) => bands.find((band) => Math.abs(band.share - 0.75) < 1e-9) ?? bands[0];

/** monthly: {levels, rows: [{month, observed|null, mean, at: Map(level → value)}]}, rows in order of month. */
export function drawFan(host, { rows, levels }, cutoff) {
  const bands = bandsOf(levels);
  const hasMedian = levels.includes(0.5);
  const middle = (row) => (hasMedian ? row.at.get(0.5) : row.mean);
  const chart = { rows, bands, middle, cutoff, chosen: lastObserved(rows) };
  const reader = monthReader(chart);
  const redraw = figure(host, {
    id: "fan",
    title: t("fan.title"),
    summary: summary(chart),
    legend: legend(bands),
    data: () => figures(chart, levels),
    draw: (width) => draw(chart, width, reader),
    below: [reader.node],
  });
  reader.onChange(redraw);
}

const isEmpty = (row) => row.observed === null && row.mean === null;

function lastObserved(rows) {
  return Math.max(0, rows.findLastIndex((row) => row.observed !== null));
}

function legend(bands) {
  const entries = [
    { kind: "line-observed", label: t("fan.observed") },
    { kind: "line-median", label: t("fan.median") },
  ];
  bands.forEach((band, index) => {
    const share = percent(band.share);
    entries.push({ kind: `area-band-${Math.min(index, 2)}`, label: t("fan.band", { share }) });
  });
  return entries;
}

function draw(chart, width, reader) {
  const height = width < 480 ? 260 : 360;
  const { rows, bands } = chart;
  const x = scaleUtc([start(rows[0].month), start(rows.at(-1).month)], [MARGIN.left, width - MARGIN.right]);
  const top = Math.max(...rows.map((row) => highest(row, bands)));
  const y = scaleLinear([0, top], [height - MARGIN.bottom, MARGIN.top]).nice();
  const marks = [
    ...leftAxis(y, { left: MARGIN.left, right: width - MARGIN.right, ticks: 5, format: persons }),
    label(t("fan.axis"), 0, 12, "start", "axis-title"),
    ...yearTicks(rows, x, width, height),
    ...forecastMarks(chart, x, y),
    ...cutoffMark(chart, x, height),
    ...readMark(chart, x, y, height),
  ];
  reader.place((pixel) => x.invert((pixel.offset / pixel.width) * width));
  return { height, marks };
}

function highest(row, bands) {
  if (row.observed !== null) return row.observed;
  return (bands.length ? row.at.get(bands[0].upper) : row.mean) ?? 0;
}

function yearTicks(rows, x, width, height) {
  const januaries = rows.filter((row) => row.month.endsWith("-01"));
  const every = Math.ceil(januaries.length / Math.max(2, Math.floor(width / 58)));
  const floor = height - MARGIN.bottom;
  return januaries.flatMap((row, index) => {
    const at = x(start(row.month));
    const tick = shape("path", { class: "axis", d: `M${at} ${floor}v6` });
    if (index % every) return [tick];
    return [tick, label(row.month.slice(0, 4), at, floor + 20, "middle")];
  });
}

function forecastMarks({ rows, bands, middle }, x, y) {
  const at = (row) => x(start(row.month));
  const seen = rows.filter((row) => row.observed !== null);
  const last = seen.at(-1);
  // The fan starts in the last counted month, where it has no width.
  const ahead = rows.filter((row) => row.observed === null && (!last || row.month > last.month));
  const from = last ? [last, ...ahead] : ahead;
  const value = (row, level) => y(row.observed ?? row.at.get(level));
  const drawn = bands.map((band, index) => {
    const path = area(at, (row) => value(row, band.lower), (row) => value(row, band.upper));
    return shape("path", { class: `area-band-${Math.min(index, 2)}`, d: path(from) });
  });
  const curve = line(at, (row) => y(row.observed ?? middle(row)));
  drawn.push(shape("path", { class: "line-median", d: curve(from) }));
  // A hole in the counts stays a hole in the line.
  const counted = line(at, (row) => y(row.observed)).defined((row) => row.observed !== null);
  drawn.push(shape("path", { class: "line-observed", d: counted(rows) ?? "" }));
  if (last) drawn.push(shape("circle", { class: "dot-observed", cx: at(last), cy: y(last.observed), r: 4 }));
  return drawn;
}

function cutoffMark({ rows, cutoff }, x, height) {
  const month = cutoff.slice(0, 7);
  if (month < rows[0].month || month > rows.at(-1).month) return [];
  const at = x(start(month));
  const anchor = at > x.range()[1] - 60 ? "end" : "middle";
  return [
    shape("path", { class: "cutoff", d: `M${at} ${MARGIN.top - 4}V${height - MARGIN.bottom}` }),
    label(t("fan.cutoff"), at, MARGIN.top - 8, anchor, "tick"),
  ];
}

function readMark({ rows, chosen, middle }, x, y, height) {
  const row = rows[chosen];
  const at = x(start(row.month));
  const ruler = shape("path", { class: "reading", d: `M${at} ${MARGIN.top}V${height - MARGIN.bottom}` });
  if (isEmpty(row)) return [ruler];
  return [ruler, shape("circle", { class: "reading-dot", cx: at, cy: y(row.observed ?? middle(row)), r: 5 })];
}

function reading({ rows, bands, chosen, middle }) {
  const row = rows[chosen];
  const name = monthName(row.month);
  if (isEmpty(row)) return t("fan.read.none", { month: name });
  if (row.observed !== null) return t("fan.read.observed", { month: name, count: persons(row.observed) });
  if (!bands.length) return t("fan.read.median", { month: name, median: persons(middle(row)) });
  const { lower, upper, share } = spoken(bands);
  return t("fan.read.forecast", {
    month: name,
    median: persons(middle(row)),
    lower: persons(row.at.get(lower)),
    upper: persons(row.at.get(upper)),
    share: percent(share),
  });
}

/** The slider with its sentence; place() is told how a pointer's position becomes a month. */
function monthReader(chart) {
  const slider = element("input", { type: "range", id: "fan-month", min: 0, max: chart.rows.length - 1, step: 1 });
  const text = element("span", { class: "reader__text" });
  let changed = () => undefined;
  const choose = (index) => {
    chart.chosen = index;
    slider.value = String(index);
    text.textContent = reading(chart);
    slider.setAttribute("aria-valuetext", text.textContent);
  };
  slider.addEventListener("input", () => {
    choose(Number(slider.value));
    changed();
  });
  choose(chart.chosen);
  const name = element("label", { class: "utrecht-form-label", for: "fan-month" }, t("fan.month"));
  const node = element("div", { class: "reader" }, name, slider, text);
  const follow = (toDate) => (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const moment = toDate({ offset: event.clientX - box.left, width: box.width });
    const index = leastIndex(chart.rows, (a, b) => Math.abs(start(a.month) - moment) - Math.abs(start(b.month) - moment));
    if (index === chart.chosen) return;
    choose(index);
    changed();
  };
  return {
    node,
    onChange: (redraw) => {
      changed = redraw;
    },
    place: (toDate) => {
      const drawing = node.parentElement?.querySelector(".chart__drawing");
      if (drawing) drawing.onpointermove = follow(toDate);
    },
  };
}

function summary({ rows, bands, middle }) {
  const seen = rows.filter((row) => row.observed !== null).at(-1);
  const end = rows.at(-1);
  if (!seen || end.observed !== null) return seen ? reading({ rows, bands, middle, chosen: rows.indexOf(seen) }) : "";
  const words = { last: monthName(seen.month), count: persons(seen.observed), end: monthName(end.month), median: persons(middle(end)) };
  if (!bands.length) return t("fan.summaryNoBand", words);
  const { lower, upper, share } = spoken(bands);
  const range = { lower: persons(end.at.get(lower)), upper: persons(end.at.get(upper)), share: percent(share) };
  return t("fan.summary", { ...words, ...range });
}

function figures({ rows }, levels) {
  const columns = [
    { label: t("fan.column.month") },
    { label: t("fan.column.observed"), numeric: true },
    { label: t("fan.column.mean"), numeric: true },
  ];
  for (const level of levels) {
    const digits = Math.round(level * 1000) % 10 ? 1 : 0;
    const text = level === 0.5 ? t("fan.column.median") : t("fan.column.level", { level: `${decimal(100 * level, digits)}%` });
    columns.push({ label: text, numeric: true });
  }
  const cell = (value) => (value === null || value === undefined ? "–" : persons(value));
  const body = rows.map((row) => [
    monthName(row.month),
    cell(row.observed),
    cell(row.observed === null ? row.mean : null),
    ...levels.map((level) => cell(row.observed === null ? row.at.get(level) : null)),
  ]);
  return { caption: t("fan.title"), columns, rows: body };
}
