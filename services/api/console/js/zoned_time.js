// Between the time on a clock in a time zone and the moment it means. In the nights when clocks change, a time exists twice or not at all.

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The browser's time zone. */
export const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

const formatters = new Map();

function formatterOf(zone) {
  if (!formatters.has(zone)) {
    const options = { calendar: "gregory", numberingSystem: "latn", hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    let made;
    try {
      made = new Intl.DateTimeFormat("en-US", { ...options, timeZone: zone ?? undefined });
    } catch {
      made = new Intl.DateTimeFormat("en-US", options); // this browser does not know the zone
    }
    formatters.set(zone, made);
  }
  return formatters.get(zone);
}

/** {date: "2026-03-29", time: "02:30"}: what the clocks of the zone show at a moment. */
export function wallClockOf(at, zone) {
  const parts = Object.fromEntries(formatterOf(zone).formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
  return { date: `${parts.year.padStart(4, "0")}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}` };
}

const asUtc = ({ date, time }) => Date.parse(`${date}T${time}:00Z`);

/** Milliseconds that the clocks of the zone are ahead of UTC, in whole minutes. */
function offsetAt(moment, zone) {
  const minute = Math.floor(moment / MINUTE_MS) * MINUTE_MS;
  return asUtc(wallClockOf(minute, zone)) - minute;
}

/** The moments (ms) at which the clocks of the zone show this: none, one or two, the earlier one first. */
export function momentsOf(date, time, zone) {
  const wall = asUtc({ date, time });
  if (!Number.isFinite(wall)) return [];
  const offsets = new Set([wall - DAY_MS, wall + DAY_MS].map((moment) => offsetAt(moment, zone)));
  return [...offsets].map((offset) => wall - offset).filter((moment) => moment + offsetAt(moment, zone) === wall).sort((one, other) => one - other);
}

/** {from, to}: clock times between which the clocks jump forward around a time that does not exist. */
export function clockJump(date, time, zone) {
  const wall = asUtc({ date, time });
  let [before, after] = [wall - DAY_MS, wall + DAY_MS];
  const first = offsetAt(before, zone);
  while (after - before > MINUTE_MS) {
    const middle = Math.floor((before + after) / 2 / MINUTE_MS) * MINUTE_MS;
    if (offsetAt(middle, zone) === first) before = middle;
    else after = middle;
  }
  return { from: new Date(after + first).toISOString().slice(11, 16), to: wallClockOf(after, zone).time };
}
