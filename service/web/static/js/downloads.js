// The part with files: a finished forecast as one file, in each format the service makes.

import { getFile, saveFile } from "./api.js";
import { byId, element } from "./dom.js";
import { clearFailure, failWith } from "./failure.js";
import { t } from "./i18n.js";

const FORMATS = { xlsx: "xlsx", csv: "csv", hubverse: "csv", netcdf: "nc" };

export function drawDownloads(forecast) {
  const items = Object.keys(FORMATS).map((format) => {
    const label = t(`downloads.${format}`);
    const button = element("button", { class: "utrecht-button utrecht-button--secondary-action", type: "button" }, label);
    button.addEventListener("click", () => save(forecast, format, button));
    return element("li", {}, button, " ", element("span", { class: "hint" }, t(`downloads.${format}.what`)));
  });
  byId("downloads").replaceChildren(element("ul", { class: "downloads" }, ...items));
}

async function save(forecast, format, button) {
  clearFailure();
  button.disabled = true;
  try {
    const file = await getFile(`/forecasts/${encodeURIComponent(forecast.id)}/export`, { format });
    saveFile(file, nameOf(forecast, format));
  } catch (error) {
    failWith(error);
  } finally {
    button.disabled = false;
  }
}

// The day and the first letters of the identifier: two forecasts of one day stay apart in a folder of downloads.
const nameOf = (forecast, format) =>
  `instroom-${forecast.request.cutoff}-${forecast.id.slice(0, 8)}${format === "hubverse" ? "-hubverse" : ""}.${FORMATS[format]}`;
