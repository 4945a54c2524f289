// The only module that talks to the service: requests, pages of lists, errors, the event stream.
// It knows addresses and status codes, nothing about what is drawn.

const BASE = "/v1";
const TOKEN_KEY = "instroom.token";
const listeners = new Set();

export class ServiceError extends Error {
  /**
   * status 0 means that no answer came at all; detail is the service's own sentence, if it sent one, detailNl the same
   * in Dutch; errors are its faults in what was sent, [{field, detail, detailNl}].
   */
  constructor(status, { detail, detailNl, errors = [] } = {}) {
    super(detail || `status ${status}`);
    this.status = status;
    this.detail = detail || "";
    this.detailNl = detailNl || "";
    this.errors = errors;
  }
}

/** Calls back with true when an answer carries the mark of development mode. */
export function onMode(listener) {
  listeners.add(listener);
}

// The session's storage, not the local one: an access code must not outlive the window.
export function keepToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function headers(accept) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { Accept: accept, Authorization: `Bearer ${token}` } : { Accept: accept };
}

async function request(address, { accept = "application/json", signal, method = "GET", body, type, match } = {}) {
  const sent = headers(accept);
  if (type) sent["Content-Type"] = type;
  if (match) sent["If-Match"] = match;
  let response;
  try {
    response = await fetch(address, { method, body, headers: sent, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(0);
  }
  const development = response.headers.get("X-Instroom-Mode") === "development";
  for (const listener of listeners) listener(development);
  if (!response.ok) throw await asError(response);
  return response;
}

async function asError(response) {
  const kind = response.headers.get("Content-Type") || "";
  if (!kind.includes("json")) return new ServiceError(response.status);
  try {
    const { detail, detailNl, errors } = await response.json();
    return new ServiceError(response.status, { detail, detailNl, errors: errors ?? [] });
  } catch {
    return new ServiceError(response.status);
  }
}

function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(given).toString();
  return `${BASE}${path}${search ? `?${search}` : ""}`;
}

export async function get(path, query, options) {
  const response = await request(address(path, query), options);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(response.status);
  }
}

/** Sends JSON, or a file with its own type; gives {body, etag, status}. match: the ETag that If-Match asks for. */
export async function send(method, path, content, { type = "application/json", query, ...options } = {}) {
  const body = content === undefined || type !== "application/json" ? content : JSON.stringify(content);
  const sent = { method, body, type: body === undefined ? undefined : type, ...options };
  const response = await request(address(path, query), sent);
  const text = await response.text();
  return { body: text ? JSON.parse(text) : null, etag: response.headers.get("ETag"), status: response.status };
}

/** A resource with the ETag that a change of it must name. */
export async function getVersioned(path, query, options) {
  const response = await request(address(path, query), options);
  return { body: await response.json(), etag: response.headers.get("ETag") };
}

/** A file as a blob, for saving it; the access code cannot travel with a plain link. */
export async function getFile(path, query, accept = "*/*") {
  const response = await request(address(path, query), { accept });
  return response.blob();
}

/** Hands a blob to the reader as a file of that name. */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download reads the address after this task.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** All items of a list, following the Link header's next page; stays on this origin. */
export async function getAll(path, query, options) {
  const items = [];
  let next = address(path, query);
  while (next) {
    const response = await request(next, options);
    items.push(...(await response.json()).items);
    next = nextPage(response.headers.get("Link"));
  }
  return items;
}

function nextPage(link) {
  const found = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(link || "");
  if (!found) return null;
  const url = new URL(found[1], window.location.href);
  return url.pathname + url.search;
}

/**
 * Server-sent events of one forecast, each parsed from JSON and given to `receive`; resolves when the stream ends.
 * Fetch instead of EventSource, because EventSource cannot carry the access code.
 */
export async function streamEvents(path, receive, signal) {
  const response = await request(address(path), { accept: "text/event-stream", signal });
  if (!(response.headers.get("Content-Type") || "").startsWith("text/event-stream")) {
    throw new ServiceError(response.status);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
    text = blocks.pop();
    for (const block of blocks) deliver(block, receive);
  }
}

function deliver(block, receive) {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length) receive(JSON.parse(lines.map((line) => line.slice(5).trimStart()).join("\n")));
}
