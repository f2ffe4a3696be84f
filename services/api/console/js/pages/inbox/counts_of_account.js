// Numbers of the conversations of one account, read again when the numbers of all were.

import { get } from "../../network/rest.js";
import { useEffect, useState } from "../../rendering.js";
import { counts } from "../../store/signals.js";

/** The counts of this account; null without one, and until they were read. */
export function useCountsOfAccount(instanceId) {
  const [found, setFound] = useState({ instanceId: "", data: null });
  const counted = counts.value.conversations;
  useEffect(() => {
    if (!instanceId) return undefined;
    let isClosed = false;
    get("/api/conversations/counts", { instance_id: instanceId }).then((answer) => { if (!isClosed) setFound({ instanceId, data: answer.data }); }, () => {});
    return () => { isClosed = true; };
  }, [instanceId, counted]);
  return instanceId && found.instanceId === instanceId ? found.data : null;
}
