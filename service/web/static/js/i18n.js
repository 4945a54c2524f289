// Texts and number formats of the chosen language. Dutch is the default; the choice is kept in this browser.
// Every sentence a reader sees comes from the files under i18n/<language>/ that the page's body names.

const LANGUAGES = { nl: "nl-NL", en: "en-GB" };
const KEY = "instroom.language";
const texts = {};
const listeners = new Set();
let current = "nl";

export const language = () => current;

/** The text of a key, with {name} replaced by parameters.name; a key without text is an error, not a blank. */
export function t(key, parameters = {}) {
  const text = texts[current][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in parameters ? String(parameters[name]) : whole));
}

export const has = (key) => texts[current][key] !== undefined;

/** The text of `prefix.value` where that exists, otherwise the value itself: for names the service may add. */
export const named = (prefix, value) => (has(`${prefix}.${value}`) ? t(`${prefix}.${value}`) : String(value));

// Making a format takes far longer than using it, and a slider uses them by the hundred.
const formats = new Map();

function numberFormat(name, options) {
  const key = `${current} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(LANGUAGES[current], options()));
  return formats.get(key);
}

const fixed = (digits) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits });

export const persons = (value) => numberFormat("persons", () => fixed(0)).format(value);
export const decimal = (value, digits = 1) => numberFormat(`decimal ${digits}`, () => fixed(digits)).format(value);
export const number = (value) => numberFormat("number", () => ({ maximumSignificantDigits: 4 })).format(value);
export const percent = (share, digits = 0) =>
  numberFormat(`percent ${digits}`, () => ({ style: "percent", ...fixed(digits) })).format(share);

/** A chance for reading: never shown as a flat 0% or 100% when it is neither. */
export function chance(probability) {
  if (probability > 0 && probability < 0.001) return `< ${percent(0.001, 1)}`;
  if (probability < 1 && probability > 0.999) return `> ${percent(0.999, 1)}`;
  return percent(probability, 1);
}

export function signed(value, digits = 1) {
  return numberFormat(`signed ${digits}`, () => ({ ...fixed(digits), signDisplay: "exceptZero" })).format(value);
}

export function moment(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return String(iso);
  return new Intl.DateTimeFormat(LANGUAGES[current], { dateStyle: "long", timeStyle: "short" }).format(at);
}

export function date(iso) {
  const day = new Date(`${String(iso).slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(day.getTime())) return String(iso);
  return new Intl.DateTimeFormat(LANGUAGES[current], { dateStyle: "long", timeZone: "UTC" }).format(day);
}

export function month(text, width = "long") {
  const day = new Date(`${text}-01T00:00:00Z`);
  const options = { month: width, year: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat(LANGUAGES[current], options).format(day);
}

// Eurostat writes two countries differently from ISO 3166.
const EUROSTAT = { EL: "GR", UK: "GB" };

export function place(code) {
  // Some names need an article in a sentence, which the browser's list of regions does not know.
  if (has(`place.${code}`)) return t(`place.${code}`);
  try {
    return new Intl.DisplayNames(LANGUAGES[current], { type: "region" }).of(EUROSTAT[code] || code);
  } catch {
    return code;
  }
}

/** A whole number as people type it, with any grouping sign; null when it is something else. */
export function parsePersons(text) {
  const plain = text.trim();
  if (!/^\d+$|^\d{1,3}([.,\s'’]\d{3})+$/.test(plain)) return null;
  return Number(plain.replace(/\D/g, ""));
}

/** A number as people type it in the language: grouping signs, a decimal sign, a minus; null when it is something else. */
export function parseNumber(text) {
  const [group, point] = current === "nl" ? [".", ","] : [",", "."];
  let plain = text.trim().replace(/[\u2212\u2013]/g, "-").replace(/[\s'’%]/g, "");
  const grouped = new RegExp(`^[+-]?\\d{1,3}(\\${group}\\d{3})+(\\${point}\\d+)?$`);
  if (grouped.test(plain)) plain = plain.replaceAll(group, "");
  plain = plain.replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

async function load(code) {
  if (texts[code]) return;
  const files = document.body.dataset.words.split(" ");
  const parts = await Promise.all(files.map((file) => loadFile(code, file)));
  texts[code] = Object.assign({}, ...parts);
}

async function loadFile(code, file) {
  const response = await fetch(new URL(`../i18n/${code}/${file}.json`, import.meta.url));
  if (!response.ok) throw new Error(`no texts for ${code} in ${file}`);
  return response.json();
}

export function onLanguage(listener) {
  listeners.add(listener);
}

export async function setLanguage(code) {
  await load(code);
  current = code;
  // A browser that refuses storage still switches, it only forgets.
  if (storageWorks()) localStorage.setItem(KEY, code);
  applyTo(document);
  for (const listener of listeners) listener();
}

function storageWorks() {
  try {
    return Boolean(window.localStorage);
  } catch {
    return false;
  }
}

function applyTo(root) {
  document.documentElement.lang = current;
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
  }
  for (const button of root.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}

/** The language of the address (?lang=en), else the kept one, else Dutch. */
export async function startLanguage() {
  const asked = new URLSearchParams(window.location.search).get("lang");
  const kept = storageWorks() ? localStorage.getItem(KEY) : null;
  const code = [asked, kept].find((one) => one in LANGUAGES) || "nl";
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => setLanguage(button.dataset.language));
  }
  await setLanguage(code);
}
