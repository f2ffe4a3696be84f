// Where a log of messages is scrolled to: at its end, or held at what is being read.

const NEAR = 80;

/** `log` scrolls, `lines` holds the messages. → {atEnd, toEnd, hold}; `moved()`: the reader scrolled. */
export function scrolling(log, lines, moved) {
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  log.addEventListener("scroll", moved, { passive: true });

  /** Changes the lines; the first message on the screen stays where it is. What stands between messages may move. */
  function hold(change) {
    const top = log.getBoundingClientRect().top;
    const first = [...lines.children].find((line) => line.dataset.id && line.getBoundingClientRect().bottom > top);
    const before = first?.getBoundingClientRect().top;
    change();
    if (first?.isConnected) log.scrollTop += first.getBoundingClientRect().top - before;
  }

  return { atEnd, hold, toEnd: () => { log.scrollTop = log.scrollHeight; } };
}
