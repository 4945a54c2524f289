// The rate by quarter: what was decided as dots, the estimate as a line inside its two bands.

import { shape } from "../dom.js";
import { percent, persons, t } from "../i18n.js";
import { figure, label, leftAxis } from "../charts/figure.js";

const { scaleLinear, line, area } = globalThis.d3;
const MARGIN = { top: 36, right: 12, bottom: 30, left: 50 };

/** rows: [{quarter, mean, lower75, upper75, lower95, upper95, decisions, positive, ahead}] in order of quarter. */
export function drawRates(host, rows, who) {
  figure(host, {
    id: "rates",
    title: t("acceptance.rate"),
    summary: summary(rows, who),
    legend: [
      { kind: "line-observed", label: t("acceptance.observed") },
      { kind: "line-median", label: t("acceptance.mean") },
      { kind: "area-band-1", label: t("acceptance.band75") },
      { kind: "area-band-0", label: t("acceptance.band95") },
    ],
    data: () => figures(rows),
    draw: (width) => draw(rows, width),
  });
}

const share = (row) => (!row.ahead && row.decisions > 0 ? row.positive / row.decisions : null);

function summary(rows, who) {
  const known = rows.filter((row) => share(row) !== null).at(-1) ?? rows[0];
  const end = rows.at(-1);
  return t("acceptance.summary", {
    who,
    first: known.quarter,
    known: percent(share(known) ?? known.mean),
    last: end.quarter,
    mean: percent(end.mean),
    lower: percent(end.lower75),
    upper: percent(end.upper75),
  });
}

function draw(rows, width) {
  const height = width < 480 ? 260 : 340;
  const x = scaleLinear([0, Math.max(1, rows.length - 1)], [MARGIN.left, width - MARGIN.right]);
  const y = scaleLinear([0, 1], [height - MARGIN.bottom, MARGIN.top]);
  const band = (low, high) => area((_, i) => x(i), (row) => y(row[low]), (row) => y(row[high]))(rows);
  const counted = line((_, i) => x(i), (row) => y(share(row))).defined((row) => share(row) !== null);
  const from = rows.findIndex((row) => row.ahead);
  const marks = [
    ...leftAxis(y, { left: MARGIN.left, right: width - MARGIN.right, ticks: 5, format: (value) => percent(value) }),
    label(t("acceptance.axis"), 0, 12, "start", "axis-title"),
    ...quarterTicks(rows, x, width, height),
    shape("path", { class: "area-band-0", d: band("lower95", "upper95") }),
    shape("path", { class: "area-band-1", d: band("lower75", "upper75") }),
    shape("path", { class: "line-median", d: line((_, i) => x(i), (row) => y(row.mean))(rows) }),
    shape("path", { class: "line-observed", d: counted(rows) ?? "" }),
  ];
  if (from > 0) marks.push(shape("path", { class: "cutoff", d: `M${x(from - 0.5)} ${MARGIN.top}V${height - MARGIN.bottom}` }));
  return { height, marks };
}

function quarterTicks(rows, x, width, height) {
  const floor = height - MARGIN.bottom;
  const firsts = rows.flatMap((row, i) => (row.quarter.endsWith("Q1") ? [[row, i]] : []));
  const every = Math.ceil(firsts.length / Math.max(2, Math.floor(width / 58)));
  return firsts.flatMap(([row, i], place) => {
    const tick = shape("path", { class: "axis", d: `M${x(i)} ${floor}v6` });
    return place % every ? [tick] : [tick, label(row.quarter.slice(0, 4), x(i), floor + 20, "middle")];
  });
}

function figures(rows) {
  const columns = [
    { label: t("acceptance.quarter") },
    { label: t("acceptance.decisions"), numeric: true },
    { label: t("acceptance.observed"), numeric: true },
    { label: t("acceptance.mean"), numeric: true },
    { label: t("acceptance.low75"), numeric: true },
    { label: t("acceptance.high75"), numeric: true },
  ];
  const cell = (value, format) => (value === null || value === undefined ? "–" : format(value));
  const body = rows.map((row) => [
    row.quarter,
    cell(row.ahead ? null : row.decisions, persons),
    cell(share(row), percent),
    percent(row.mean),
    percent(row.lower75),
    percent(row.upper75),
  ]);
  return { caption: t("acceptance.axis"), columns, rows: body };
}
