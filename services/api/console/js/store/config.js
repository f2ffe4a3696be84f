// What the page offers, of /api/config.

import { signal } from "@preact/signals";

/** {simulator, registration, …} */
export const config = signal({ simulator: false });
