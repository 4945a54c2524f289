// Where the spread of the total comes from: one bar a quarter, split into rates and composition.

import { shape } from "../dom.js";
import { decimal, percent, t } from "../i18n.js";
import { figure, label, leftAxis } from "../charts/figure.js";

const { scaleLinear, scaleBand } = globalThis.d3;
const MARGIN = { top: 36, right: 12, bottom: 30, left: 50 };

/** rows: quarters ahead with {quarter, mean, varianceRate, varianceMix, mixStays, ratesStay}. */
export function drawVariance(host, rows) {
  const end = rows.at(-1);
  figure(host, {
    id: "variance",
    title: t("acceptance.variance"),
    summary: t("acceptance.varianceSummary", { last: end.quarter, share: percent(mixShare(end)) }),
    legend: [
      { kind: "box-rate", label: t("acceptance.fromRate") },
      { kind: "box-mix", label: t("acceptance.fromMix") },
    ],
    data: () => figures(rows),
    draw: (width) => draw(rows, width),
  });
}

const variance = (row) => row.varianceRate + row.varianceMix;
const mixShare = (row) => (variance(row) > 0 ? row.varianceMix / variance(row) : 0);
// The whole bar is the standard deviation, in points; its parts divide it as they divide the variance.
const spread = (row) => 100 * Math.sqrt(variance(row));

function draw(rows, width) {
  const height = width < 480 ? 220 : 260;
  const x = scaleBand(rows.map((row) => row.quarter), [MARGIN.left, width - MARGIN.right]).padding(0.25);
  const y = scaleLinear([0, Math.max(1, ...rows.map(spread))], [height - MARGIN.bottom, MARGIN.top]).nice();
  const every = Math.ceil(rows.length / Math.max(2, Math.floor(width / 72)));
  const bars = rows.flatMap((row, i) => {
    const middle = spread(row) * (1 - mixShare(row));
    const bar = (kind, low, high) =>
      shape("rect", { class: kind, x: x(row.quarter), width: x.bandwidth(), y: y(high), height: Math.max(0, y(low) - y(high)) });
    const name = label(row.quarter, x(row.quarter) + x.bandwidth() / 2, height - MARGIN.bottom + 20, "middle");
    return [bar("box-rate", 0, middle), bar("box-mix", middle, spread(row)), ...(i % every ? [] : [name])];
  });
  const marks = [
    ...leftAxis(y, { left: MARGIN.left, right: width - MARGIN.right, ticks: 4, format: (value) => decimal(value, 0) }),
    label(t("acceptance.sd"), 0, 12, "start", "axis-title"),
    ...bars,
  ];
  return { height, marks };
}

function figures(rows) {
  const columns = [
    { label: t("acceptance.quarter") },
    { label: t("acceptance.sd"), numeric: true },
    { label: t("acceptance.fromRate"), numeric: true },
    { label: t("acceptance.fromMix"), numeric: true },
    { label: t("acceptance.mean"), numeric: true },
    { label: t("acceptance.mixStays"), numeric: true },
    { label: t("acceptance.ratesStay"), numeric: true },
  ];
  const body = rows.map((row) => [
    row.quarter,
    decimal(spread(row), 1),
    percent(1 - mixShare(row)),
    percent(mixShare(row)),
    percent(row.mean, 1),
    percent(row.mixStays, 1),
    percent(row.ratesStay, 1),
  ]);
  return { caption: t("acceptance.sd"), columns, rows: body };
}
