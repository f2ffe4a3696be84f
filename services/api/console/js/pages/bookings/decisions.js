// Decisions on bookings that need no dialog: they run once however often one clicks, and an error stays beside its booking.

import { toast } from "../../components/Toast.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { useRef, useState } from "../../rendering.js";
import { recordOf } from "../../store/store.js";
import { decideBooking } from "./booking_changes.js";
import { statusWord } from "./BookingStatus.js";

/** → {decide(booking, action), isBusy(id), problemOf(id): text or null} */
export function useDecisions() {
  const running = useRef(new Set());
  const problems = useRef(new Map());
  const [, setVersion] = useState(0);
  const changed = () => setVersion((version) => version + 1);

  async function decide(booking, action) {
    if (running.current.has(booking.id)) return;
    running.current.add(booking.id);
    problems.current.delete(booking.id);
    changed();
    try {
      await decideBooking(booking.id, action);
    } catch (thrown) {
      const now = recordOf("bookings", booking.id)?.status;
      if (now && now !== booking.status) toast(t("bookings.changedMeanwhile", { status: statusWord(now) }), { tone: "bad" }); // its row may have left the list
      else problems.current.set(booking.id, { text: displayError(thrown).message, status: booking.status });
    } finally {
      running.current.delete(booking.id);
      changed();
    }
  }

  /** A problem ends when the booking got another status: what failed was done after all, or by somebody else. */
  function problemOf(id) {
    const problem = problems.current.get(id);
    return problem && recordOf("bookings", id)?.status === problem.status ? problem.text : null;
  }

  return { decide, isBusy: (id) => running.current.has(id), problemOf };
}
