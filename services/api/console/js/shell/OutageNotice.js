// A line that says since when the shown data may be old.

import { clock } from "../format.js";
import { t } from "../language.js";
import { html, useEffect, useState } from "../rendering.js";
import { online } from "../store/signals.js";

/** Short interruptions are not shown. */
const NOTICE_DELAY_MS = 2500;

export function OutageNotice() {
  const [since, setSince] = useState(null);
  const isOnline = online.value;
  useEffect(() => {
    if (isOnline) return void setSince(null);
    const lostAt = new Date();
    const timer = setTimeout(() => setSince(lostAt), NOTICE_DELAY_MS);
    return () => clearTimeout(timer);
  }, [isOnline]);
  return html`<div class="notice" role="status" hidden=${!since}>${since && t("shell.outage", { time: clock(since) })}</div>`;
}
