// The store as signals and hooks, for components.

import { signal, useEffect, useMemo, useState } from "../rendering.js";
import { pagedList } from "./paged_list.js";
import { on, recordOf, store } from "./store.js";

/** Whether the socket is connected. */
export const online = signal(store.online);
on("online", () => { online.value = store.online; });

/** The accounts, in the server's order. */
export const instances = signal([]);
/** Whether the accounts were read. */
export const instancesLoaded = signal(false);
on("instances", () => {
  instances.value = [...store.instances.values()];
  instancesLoaded.value = store.loaded.has("instances");
});

/** {conversations, bookings}: the answers of their counts; null: not read yet. */
export const counts = signal(store.counts);
on("counts", () => { counts.value = { ...store.counts }; });

export { config } from "./config.js";

/** Renders the component again at each `publish(topic)` for which `concerns(detail)` is true. */
export function useTopic(topic, concerns = () => true) {
  const [, setVersion] = useState(0);
  useEffect(() => on(topic, (detail) => concerns(detail) && setVersion((version) => version + 1)), [topic]);
}

/** The current version of a record ("conversations", "contacts", "bookings", "instances"); undefined: not loaded. */
export function useRecord(name, id) {
  const [, setVersion] = useState(0);
  useEffect(() => on(name, (record) => (!record || record.id === id) && setVersion((version) => version + 1)), [name, id]);
  return id ? recordOf(name, id) : undefined;
}

/** A paged list (see pagedList()) that renders the component again when it changes, and is closed with it. */
export function usePagedList(options) {
  const [, setVersion] = useState(0);
  const list = useMemo(() => {
    let frame = 0;
    // many events in one frame are one rendering
    const changed = () => { frame ||= requestAnimationFrame(() => { frame = 0; setVersion((version) => version + 1); }); };
    return pagedList({ ...options, changed });
  }, []);
  useEffect(() => list.close, [list]);
  return list;
}
