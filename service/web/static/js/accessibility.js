// Starts the accessibility statement: words alone, and the address that this installation gives for reports.

import { get } from "./api.js";
import { byId, show } from "./dom.js";
import { startShell } from "./shell.js";

// Addresses in this domain are set aside for examples: nobody reads them.
const NOBODY = /@example\.(org|com|net)$/;

async function load() {
  const { email } = (await get("/openapi.json")).info.contact;
  const own = Boolean(email) && !NOBODY.test(email);
  byId("report-mail").textContent = email;
  byId("report-mail").href = `mailto:${email}`;
  show(byId("report-address"), own);
  show(byId("report-none"), !own);
}

await startShell({ load, redraw: () => undefined });
