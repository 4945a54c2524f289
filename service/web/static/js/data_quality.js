// What must be known of the figures under a forecast: findings of the service in the language of the page.

import { element } from "./dom.js";
import { has, month, named, percent, t } from "./i18n.js";

const PARTS = new Set(["part", "lower", "upper", "largest", "before", "after", "noise", "correction"]);
const SOURCES = new Set(["source", "reference", "other", "used"]);
const MONTHS = new Set(["first", "last", "since", "month"]);
const KIND = { serious: "error", warning: "warning", info: "info" };

/** A box with one line per finding, or nothing. findings: `dataQuality` of GET /forecasts/{id}, severest first. */
export function qualityNotices(findings = []) {
  if (!findings.length) return [];
  const heading = element("h3", { class: "utrecht-heading-3" }, t("quality.heading"));
  const list = element("ul", {}, ...findings.map(item));
  const kind = KIND[findings[0].severity] ?? "info";
  return [element("div", { class: `utrecht-alert utrecht-alert--${kind} notice` }, heading, list)];
}

function item({ code, severity, parameters, detail }) {
  const key = `quality.${keyOf(code, parameters)}`;
  const grade = element("strong", {}, `${named("severity", severity)}: `);
  // A finding without a text of the page's own is shown in the service's English.
  const text = has(key) ? t(key, written(parameters)) : element("span", { lang: "en" }, detail);
  return element("li", {}, grade, text);
}

/** Provisional figures read otherwise where a default stands in for revisions. */
const keyOf = (code, { learned }) => (learned === false ? `${code}_stated` : code);

function written(parameters) {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, word(name, value)]));
}

function word(name, value) {
  if (SOURCES.has(name)) return named("source", value);
  if (MONTHS.has(name)) return month(value);
  if (!PARTS.has(name)) return String(value);
  return name === "noise" || value < 0 ? percent(value, 1) : `+${percent(value, 1)}`;
}

/** "Eurostat 58%, KMI+ 42%", or null where one source made the series. */
export function sourceShares(sources) {
  const parts = Object.entries(sources ?? {});
  if (parts.length < 2) return null;
  return parts.map(([source, share]) => `${named("source", source)} ${percent(share)}`).join(", ");
}
