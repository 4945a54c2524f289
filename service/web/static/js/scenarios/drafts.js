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

const begun = (key) => ({ key, draft: null, etag: null, dirty: false });

/** report(state) is told every change of where the draft is; clash(draft) that another window was first. */
export function makeDrafts({ report, clash }) {
  let own = begun(null);
  let timers = { local: null, server: null };
  let tries = 0;
  let turn = Promise.resolve();

  /** One request at a time: a draft that is taken away while a newer state of it travels would come back. */
  function inTurn(request) {
    const done = turn.then(request);
    turn = done.catch(() => {});
    return done;
  }

  const local = () => {
    clearTimeout(timers.local);
    timers.local = null;
    if (own.key && own.draft) localStorage.setItem(PREFIX + own.key, JSON.stringify(own.draft));
  };

  const later = () => {
    clearTimeout(timers.server);
    timers.server = setTimeout(server, tries ? RETRIES[Math.min(tries, RETRIES.length) - 1] : SERVER_WAIT);
  };

  const server = () => inTurn(put);

  async function put() {
    if (!own.dirty) return;
    const kept = own;
    kept.dirty = false;
    try {
      const answer = await send("PUT", address(kept.key), kept.draft, { match: kept.etag ?? undefined });
      tries = 0;
      kept.etag = answer.etag;
      if (own === kept && !kept.dirty) report("kept");
    } catch (error) {
      if (own === kept) await failed(error);
      else if (!(error instanceof ServiceError)) throw error;
    }
    if (own === kept && kept.dirty) later();
  }

  async function failed(error) {
    if (!(error instanceof ServiceError)) throw error;
    if (error.status === 412 || error.status === 428) return newer();
    if ([401, 403, 404, 405].includes(error.status)) return report("alone");
    own.dirty = true;
    tries += 1;
    return report("offline");
  }

  /** Another draft stands at the service, or none any more because another window took it away. */
  async function newer() {
    const refused = own;
    let there = null;
    try {
      there = await getVersioned(address(refused.key));
    } catch (error) {
      if (own !== refused) return;
      if (error.status !== 404) return failed(error);
    }
    if (own !== refused) return;
    own.etag = there?.etag ?? null;
    own.dirty = true;
    if (there && there.body.window !== WINDOW) {
      own.dirty = false;
      report("clash");
      clash(there.body);
    }
  }

  // The ETag is read when its turn comes: the state that travelled before it has changed it.
  async function takenAway({ key, etag }) {
    // Nothing comes back, so that there is no form of it to ask for.
    if (etag) await send("DELETE", address(key), undefined, { match: etag, accept: "*/*" });
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
      const opened = begun(key);
      own = opened;
      const here = fromBrowser(key);
      const there = await fromServer(key);
      if (own !== opened) return null;
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
      later();
    },
    /** After saving or discarding: nothing is left under the key. */
    async drop() {
      clearTimeout(timers.server);
      clearTimeout(timers.local);
      timers = { local: null, server: null };
      const gone = own;
      own = begun(gone.key);
      localStorage.removeItem(PREFIX + gone.key);
      try {
        await inTurn(() => takenAway(gone));
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
