// The frame that every chart shares: legend, drawing, a summary in words and the same figures as a table.
// A chart draws for the width it gets, so its letters keep their size on a telephone; it draws again on resize.

import { element, shape } from "../dom.js";
import { t } from "../i18n.js";
import { table } from "../tables.js";

const observers = new WeakMap();

/**
 * Fills `host`. draw(width) returns {height, marks}; legend is [{kind, label}]; below are nodes under the drawing.
 * Returns redraw(), for a chart whose marks change without new data.
 */
export function figure(host, { id, title, summary, legend, data, draw, below = [] }) {
  const unfolded = host.querySelector("details")?.open ?? false;
  const drawing = element("div", { class: "chart__drawing" });
  const redraw = () => {
    const width = Math.max(240, Math.floor(drawing.clientWidth));
    const { height, marks } = draw(width);
    drawing.replaceChildren(
      shape(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-summary` },
        shape("title", { id: `${id}-title` }, title),
        ...marks,
      ),
    );
  };
  host.replaceChildren(
    element(
      "figure",
      { class: "chart" },
      legendList(legend),
      drawing,
      ...below,
      element("figcaption", { class: "chart__summary", id: `${id}-summary` }, summary),
      dataTable(id, data, unfolded),
    ),
  );
  redraw();
  watch(host, drawing, redraw);
  return redraw;
}

function watch(host, drawing, redraw) {
  observers.get(host)?.disconnect();
  let width = drawing.clientWidth;
  const observer = new ResizeObserver(() => {
    if (drawing.clientWidth === width || drawing.clientWidth === 0) return;
    width = drawing.clientWidth;
    redraw();
  });
  observer.observe(drawing);
  observers.set(host, observer);
}

function legendList(legend) {
  const items = legend.map(({ kind, label }) => element("li", {}, sample(kind), element("span", {}, label)));
  return element("ul", { class: "chart__legend", "aria-label": t("chart.legend") }, ...items);
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

function dataTable(id, data, open) {
  const frame = element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": data.caption },
    table(data),
  );
  return element("details", { class: "chart__data", id: `${id}-data`, open }, element("summary", {}, t("chart.table")), frame);
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
