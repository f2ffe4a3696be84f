// How many panes of the inbox stand beside each other.

import { useLayoutEffect, useState } from "../../rendering.js";

/** On a screen of at most this width the navigation is at the bottom, and one pane fills the rest. */
const PHONE_WIDTH_PX = 860;
const TWO_PANES_PX = 620;
const THREE_PANES_PX = 1080;

function layoutOf(width) {
  if (innerWidth <= PHONE_WIDTH_PX || width < TWO_PANES_PX) return "one";
  return width < THREE_PANES_PX ? "two" : "three";
}

/** "one", "two" or "three" panes, by the width of the element in the ref. */
export function useInboxLayout(root) {
  const [layout, setLayout] = useState(() => layoutOf(innerWidth));
  useLayoutEffect(() => {
    const measure = () => setLayout(layoutOf(root.current.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(root.current);
    measure();
    return () => observer.disconnect();
  }, []);
  return layout;
}
