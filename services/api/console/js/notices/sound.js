// Two short tones, made by the browser.

const TONES = [{ hertz: 660, from: 0 }, { hertz: 880, from: 0.12 }];
const TONE_SECONDS = 0.18;
const VOLUME = 0.12;
const GESTURES = ["pointerdown", "keydown"];

let audio = null;

/** Browsers play nothing before the user has pressed something. */
function prepare() {
  try {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume().catch(() => {});
  } catch {
    // this browser has no sound
  }
}

/** → a function that stops waiting for a press */
export function prepareSound() {
  const aborter = new AbortController();
  for (const name of GESTURES) addEventListener(name, prepare, { signal: aborter.signal, capture: true });
  return () => aborter.abort();
}

export function playSound() {
  if (audio?.state !== "running") return;
  for (const { hertz, from } of TONES) {
    const start = audio.currentTime + from;
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    oscillator.frequency.value = hertz;
    gain.gain.setValueAtTime(VOLUME, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + TONE_SECONDS);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(start);
    oscillator.stop(start + TONE_SECONDS);
  }
}
