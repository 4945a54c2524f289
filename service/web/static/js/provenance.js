// Where a forecast comes from: enough to repeat it, and whether its checks passed.

import { sourceShares } from "./data_quality.js";
import { element } from "./dom.js";
import { date, decimal, named, number, t } from "./i18n.js";

const MEASURES = ["rhatMax", "essMin", "divergences", "paretoK", "essWeighted"];

/** forecast: GET /forecasts/{id}; scenarioSet: its set or null; source: where the counts came from, or null. */
export function drawProvenance(host, { forecast, scenarioSet, source }) {
  const { provenance = {}, request = {}, diagnostics = {} } = forecast;
  const rows = [
    ["provenance.scenarioSet", scenarioSet && setName(scenarioSet)],
    ["provenance.cutoff", request.cutoff && date(request.cutoff)],
    ["provenance.asOf", request.asOf && date(request.asOf)],
    ["provenance.dataSource", source && named("source", source)],
    ["provenance.shares", sourceShares(provenance?.sources)],
    ["provenance.expertWeight", isNumber(request.expertWeight) && number(request.expertWeight)],
    ["provenance.method", diagnostics?.methodUsed && named("method", diagnostics.methodUsed)],
    ["provenance.checks", isBoolean(diagnostics?.passed) && checks(diagnostics.passed)],
    ["provenance.seed", provenance?.seed !== undefined && code(provenance.seed)],
    ["provenance.modelVersion", provenance?.modelVersion && code(provenance.modelVersion)],
    ["provenance.dataVintage", provenance?.dataVintage && code(provenance.dataVintage)],
    ["provenance.scenarioSetHash", provenance?.scenarioSetHash && code(provenance.scenarioSetHash)],
    ["provenance.gitRevision", provenance?.gitRevision && code(provenance.gitRevision)],
    ["provenance.id", code(forecast.id)],
    ["provenance.time", seconds(forecast.timings)],
  ];
  const list = element("dl", { class: "facts" });
  for (const [key, value] of rows.filter((row) => row[1])) {
    list.append(element("div", {}, element("dt", {}, t(key)), element("dd", {}, value)));
  }
  host.replaceChildren(
    element("p", { class: "utrecht-paragraph" }, t("provenance.intro")),
    list,
    ...fold("provenance.diagnostics", measures(diagnostics)),
    ...fold("provenance.packages", packages(provenance?.packages)),
  );
}

const isNumber = (value) => typeof value === "number";
const isBoolean = (value) => typeof value === "boolean";
const code = (value) => element("code", {}, String(value));
const checks = (passed) => t(passed ? "provenance.passed" : "provenance.notPassed");
const setName = (set) => t("provenance.version", { name: set.name, version: set.version });

function seconds(timings) {
  if (!timings) return null;
  return isNumber(timings.total) ? t("provenance.seconds", { seconds: decimal(timings.total) }) : null;
}

function measures(diagnostics) {
  return MEASURES.filter((name) => isNumber(diagnostics?.[name])).map((name) => [
    t(`provenance.${name}`),
    number(diagnostics[name]),
  ]);
}

// A package that the computing process could not find has no version to name.
const packages = (versions) => Object.entries(versions ?? {}).map(([name, version]) => [name, version ?? "–"]);

function fold(key, rows) {
  if (!rows.length) return [];
  const list = element("dl", { class: "facts facts--small" });
  for (const [name, value] of rows) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  return [element("details", { class: "chart__data" }, element("summary", {}, t(key)), list)];
}
