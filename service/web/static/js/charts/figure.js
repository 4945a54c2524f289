// The frame that every chart shares: legend, drawing, a summary in words and the same figures as a table.
// A chart draws for the width it gets, so its letters keep their size on a telephone; it draws again on resize.
// A chart drawn again in the same host keeps its frame: only what changed is written, and the width is not measured anew,
// for that would make the browser lay the page out in the middle of writing it.

import { element, shape } from "../dom.js";
import { language, t } from "../i18n.js";
import { table } from "../tables.js";

const frames = new WeakMap();
// Not every browser tells when it is idle; a moment after the redraw will do there.
const whenIdle = globalThis.requestIdleCallback ?? ((write) => setTimeout(write, 200));
const notAnymore = globalThis.cancelIdleCallback ?? clearTimeout;

/**
 * Fills `host`. draw(width) returns {height, marks}; legend is [{kind, label}]; below are nodes under the drawing; data()
 * gives {caption, columns, rows}. Returns redraw(), for a chart whose marks change without new data.
 */
export function figure(host, { id, title, summary, legend, data, draw, below = [] }) {
  const frame = frameIn(host, id, below);
  frame.redraw = () => {
    const { height, marks } = draw(frame.width);
    frame.drawing.replaceChildren(
      shape(
        "svg",
        { viewBox: `0 0 ${frame.width} ${height}`, role: "img", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-summary` },
        shape("title", { id: `${id}-title` }, title),
        ...marks,
      ),
    );
  };
  writeLegend(frame, legend);
  if (frame.caption.textContent !== summary) frame.caption.textContent = summary;
  frame.data = data;
  writeTable(frame);
  frame.redraw();
  return () => frame.redraw();
}

/** The frame that stands in the host already, or a new one when it is of another chart, language or content. */
function frameIn(host, id, below) {
  const key = `${id} ${language()}`;
  const old = frames.get(host);
  if (old?.key === key && !below.length && old.drawing.isConnected) return old;
  old?.observer.disconnect();
  const frame = makeFrame(key, id, old?.fold.open ?? false);
  host.replaceChildren(element("figure", { class: "chart" }, frame.legend, frame.drawing, ...below, frame.caption, frame.fold));
  frame.width = widthOf(frame.drawing);
  frame.observer = new ResizeObserver(() => {
    const width = widthOf(frame.drawing);
    if (width === frame.width || !frame.drawing.clientWidth) return;
    frame.width = width;
    frame.redraw();
  });
  frame.observer.observe(frame.drawing);
  frames.set(host, frame);
  return frame;
}

function makeFrame(key, id, open) {
  const frame = {
    key,
    legend: element("ul", { class: "chart__legend", "aria-label": t("chart.legend") }),
    drawing: element("div", { class: "chart__drawing" }),
    caption: element("figcaption", { class: "chart__summary", id: `${id}-summary` }),
    scroll: element("div", { class: "scroll", tabindex: "0", role: "region" }),
  };
  frame.fold = element("details", { class: "chart__data", id: `${id}-data`, open }, element("summary", {}, t("chart.table")), frame.scroll);
  frame.fold.addEventListener("toggle", () => writeTable(frame));
  return frame;
}

const widthOf = (drawing) => Math.max(240, Math.floor(drawing.clientWidth));

function writeLegend(frame, entries) {
  const now = JSON.stringify(entries);
  if (frame.entries === now) return;
  frame.entries = now;
  const items = entries.map(({ kind, label }) => element("li", {}, sample(kind), element("span", {}, label)));
  frame.legend.replaceChildren(...items);
}

/** At once when it is in sight; folded away, when the browser has nothing better to do. */
function writeTable(frame) {
  notAnymore(frame.idle);
  const write = () => {
    const data = frame.data();
    frame.scroll.setAttribute("aria-label", data.caption);
    frame.scroll.replaceChildren(table(data));
  };
  if (frame.fold.open) write();
  else frame.idle = whenIdle(write, { timeout: 2000 });
}

function sample(kind) {
  const marks = {
    area: () => layersOf(kind).map((name) => shape("rect", { x: 1, y: 2, width: 26, height: 12, class: name })),
    box: () => [shape("rect", { x: 8, y: 1, width: 12, height: 14, class: kind })],
    dot: () => [shape("circle", { cx: 14, cy: 8, r: 4, class: kind })],
    diamond: () => [shape("path", { d: "M14 2 20 8 14 14 8 8Z", class: kind })],
    line: () => [shape("path", { d: "M1 8H27", class: kind })],
  };
  const drawn = marks[kind.split("-")[0]]();
  return shape("svg", { viewBox: "0 0 28 16", width: 28, height: 16, "aria-hidden": "true" }, ...drawn);
}

// Bands lie on top of each other in the drawing, so their samples do too: otherwise the shades would not match.
function layersOf(kind) {
  const [, band] = /^area-band-(\d)$/.exec(kind) ?? [];
  if (band === undefined) return [kind];
  return Array.from({ length: Number(band) + 1 }, (_, index) => `area-band-${index}`);
}

/** Horizontal lines with their numbers on the left, for the ticks of a y scale. */
export function leftAxis(scale, { left, right, ticks, format }) {
  return scale.ticks(ticks).flatMap((value) => [
    shape("path", { class: value === 0 ? "axis" : "grid", d: `M${left} ${scale(value)}H${right}` }),
    shape("text", { class: "tick", x: left - 8, y: scale(value), dy: "0.32em", "text-anchor": "end" }, format(value)),
  ]);
}

export const label = (text, x, y, anchor = "start", kind = "tick") =>
  shape("text", { class: kind, x, y, "text-anchor": anchor }, text);
