// The rendering library of the console: Preact components, written with htm templates, and signals as state.

import { h, render, Fragment } from "preact";
import { useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import htm from "htm";

/** A template literal of markup → Preact elements. Values are never parsed as markup, so text of strangers cannot become any. */
export const html = htm.bind(h);

export { h, render, Fragment };
export { useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useRef, useState };
export { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect };

const differ = (one, other) => Object.keys({ ...one, ...other }).some((name) => one[name] !== other[name]);

/** The component, rendered again only when a property is another value, or a signal that it reads changed. */
export function memo(Component) {
  return function Memo(props) {
    this.shouldComponentUpdate = (next) => differ(this.props, next);
    return h(Component, props);
  };
}
