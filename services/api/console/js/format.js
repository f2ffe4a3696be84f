// Formats values for display. Pure.

import { formatPhone } from "./phone_format.js";

export const phone = formatPhone;

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const clock = (iso) => time.format(new Date(iso));
