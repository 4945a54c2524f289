// The draft of one set, kept in this browser at once and on the service soon after, so that neither a reload nor a
// lost connection loses a word. Reports where it is kept: "browser", "kept", "offline", "alone" (the service keeps no
// drafts for this reader) or "clash" (another window kept a newer one).

import { ServiceError, getVersioned, send } from "../api.js";

const PREFIX = "instroom.draft.";
const LOCAL_WAIT = 200;
const SERVER_WAIT = 1500;
const RETRIES = [2000, 5000, 10000, 30000];

const address = (key) => `/scenario-set-drafts/${encodeURIComponent(key)}`;
// Tells two windows of one reader apart.
const WINDOW = crypto.getRandomValues(new Uint32Array(2)).join("-");

/** report(state) is told every change of where the draft is; clash(draft) that another window was first. */
export function makeDrafts({ report, clash }) {
  let own = { key: null, draft: null, etag: null, dirty: false };
  let timers = { local: null, server: null };
  let tries = 0;
  let sending = false;

  const local = () => {
    clearTimeout(timers.local);
    timers.local = null;
    if (own.key && own.draft) localStorage.setItem(PREFIX + own.key, JSON.stringify(own.draft));
  };

  const later = (wait) => {
    clearTimeout(timers.server);
    timers.server = setTimeout(server, wait);
  };

  async function server() {
    if (sending || !own.dirty) return;
    const { key, draft, etag } = own;
    sending = true;
    own.dirty = false;
    try {
      const answer = await send("PUT", address(key), draft, { match: etag ?? undefined });
      tries = 0;
      if (own.key === key) {
        own.etag = answer.etag;
        if (!own.dirty) report("kept");
      }
    } catch (error) {
      if (own.key === key) await failed(error);
    } finally {
      sending = false;
      if (own.dirty && own.key) later(tries ? RETRIES[Math.min(tries, RETRIES.length) - 1] : SERVER_WAIT);
    }
  }

  async function failed(error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.status === 412 || error.status === 428) return newer();
    if ([401, 403, 404, 405].includes(error.status)) return report("alone");
    own.dirty = true;
    tries += 1;
    return report("offline");
  }

  async function newer() {
    const { body, etag } = await getVersioned(address(own.key));
    own.etag = etag;
    own.dirty = true;
    if (body.window !== WINDOW) {
      own.dirty = false;
      report("clash");
      clash(body);
    }
  }

  async function fromServer(key) {
    try {
      return await getVersioned(address(key));
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return null;
    }
  }

  function fromBrowser(key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
      return null;
    }
  }

  return {
    /** The newest draft under a key, or null; further drafts are kept under it. */
    async open(key) {
      local();
      own = { key, draft: null, etag: null, dirty: false };
      const here = fromBrowser(key);
      const there = await fromServer(key);
      if (own.key !== key) return null;
      own.etag = there?.etag ?? null;
      const found = [here, there?.body].filter((draft) => draft?.set);
      found.sort((a, b) => b.savedAt.localeCompare(a.savedAt));
      return found[0] ?? null;
    },
    keep(draft) {
      own.draft = { ...draft, window: WINDOW, savedAt: new Date().toISOString() };
      own.dirty = true;
      timers.local ??= setTimeout(local, LOCAL_WAIT);
      if (!tries) report("browser");
      later(tries ? RETRIES[Math.min(tries, RETRIES.length) - 1] : SERVER_WAIT);
    },
    /** After saving or discarding: nothing is left under the key. */
    async drop() {
      clearTimeout(timers.server);
      clearTimeout(timers.local);
      timers = { local: null, server: null };
      const { key, etag } = own;
      own = { ...own, draft: null, etag: null, dirty: false };
      localStorage.removeItem(PREFIX + key);
      try {
        // Nothing comes back, so that there is no form of it to ask for.
        if (etag) await send("DELETE", address(key), undefined, { match: etag, accept: "*/*" });
      } catch (error) {
        // What is left there is older than the saved version and is recognised by that.
        if (!(error instanceof ServiceError)) throw error;
      }
    },
    retry() {
      if (own.draft && tries) {
        own.dirty = true;
        server();
      }
    },
    flush: local,
  };
}
