// A booking with its history, in a dialog.

import { Dialog } from "../../components/Dialog.js";
import { EmptyState, ErrorState, SkeletonRows } from "../../components/placeholders.js";
import { StrangerText } from "../../components/StrangerText.js";
import { Time } from "../../components/Time.js";
import { formatDateTime, personName } from "../../formats.js";
import { t } from "../../language.js";
import { displayError } from "../../network/errors.js";
import { get } from "../../network/rest.js";
import { currentSession, ownId } from "../../network/session.js";
import { html, useEffect, useRef, useState } from "../../rendering.js";
import { href } from "../../router.js";
import { loadMembers, memberOf } from "../../store/members.js";
import { instances, useTopic } from "../../store/signals.js";
import { contactOf, on, recordOf } from "../../store/store.js";
import { BookingActions } from "./BookingActions.js";
import { BookingStatus, statusWord } from "./BookingStatus.js";

/** The booking with its history, read again after each change. */
function useBooking(id) {
  const [state, setState] = useState({ booking: null, problem: null });
  const last = useRef(0);
  async function read() {
    last.current += 1;
    const mine = last.current;
    try {
      const { data } = await get(`/api/bookings/${encodeURIComponent(id)}`);
      if (mine === last.current) setState({ booking: data ?? null, problem: null });
    } catch (thrown) {
      if (mine === last.current) setState((current) => ({ ...current, problem: displayError(thrown) }));
    }
  }
  useEffect(() => {
    setState({ booking: null, problem: null });
    read();
    const stops = [on("bookings", (record) => record?.id === id && read()), on("resync", read)];
    return () => {
      last.current += 1;
      for (const stop of stops) stop();
    };
  }, [id]);
  return { ...state, retry: read };
}

const nameOfUser = (id) => (id === ownId() ? t("common.you") : memberOf(id)?.name || memberOf(id)?.email || (id.startsWith("key:") ? t("bookings.byProgram") : t("common.formerUser")));

/** A first step, a new status, a new time or only a note. */
function stepTitle(step, before) {
  if (before && step.status === before.status) return t(step.starts_at ? "bookings.step.time" : "bookings.step.note");
  return before ? statusWord(step.status) : t("bookings.step.opened");
}

function Step({ step, before }) {
  return html`
    <li>
      <p><strong>${stepTitle(step, before)}</strong>${step.starts_at && html` · <${Time} at=${step.starts_at} format="dateTime" />`}</p>
      ${step.note && html`<p class="booking-note" dir="auto">${step.note}</p>`}
      <p class="muted small"><${Time} at=${step.at} format="dateTime" /> · ${step.by ? nameOfUser(step.by) : t("bookings.byMessage")}</p>
    </li>
  `;
}

function Content({ booking, contact, actions, error }) {
  const account = instances.value.find((instance) => instance.id === booking.instance_id)?.instance_name;
  const history = booking.history ?? [];
  return html`
    <div class="booking-facts">
      <p class="name"><a class="stranger" dir="auto" href=${href("people", booking.contact_id)}>${personName(contact)}</a><${BookingStatus} status=${booking.status} /></p>
      <p class="booking-time">${booking.starts_at ? formatDateTime(booking.starts_at) : t("bookings.noTime")}</p>
      ${booking.text ? html`<${StrangerText} as="p" class="booking-text" text=${booking.text} />` : html`<p class="muted">${t("bookings.withoutText")}</p>`}
      ${account && html`<p class="muted small" dir="auto">${account}</p>`}
    </div>
    <div class="booking-actions">${actions}</div>
    <p class="error box" role="alert">${error ?? ""}</p>
    ${history.length > 0 && html`
      <section aria-label=${t("bookings.history")}>
        <h3>${t("bookings.history")}</h3>
        <ol class="booking-history">${history.map((step, at) => html`<${Step} key=${at} step=${step} before=${history[at - 1]} />`)}</ol>
      </section>
    `}
  `;
}

/** `decide(booking, action)`, `problemOf(id)`, `isBusy(id)`: of useDecisions(). */
export function BookingDetails({ id, onClose, decisions }) {
  const { booking, problem, retry } = useBooking(id);
  useTopic("contacts", (contact) => contact?.id === booking?.contact_id);
  useEffect(() => loadMembers(currentSession()?.organizationId), []);
  const contact = booking && (recordOf("contacts", booking.contact_id) ?? booking.contact ?? recordOf("bookings", id)?.contact);
  const isUnknown = Boolean(booking) && !contact;
  useEffect(() => { if (isUnknown) contactOf(booking.contact_id).catch(() => {}); }, [isUnknown]);
  const name = personName(contact);
  const content = () => {
    if (booking) {
      const actions = html`<${BookingActions} booking=${booking} name=${name} decide=${(action) => decisions.decide(booking, action)} isBusy=${decisions.isBusy(id)} />`;
      return html`<${Content} booking=${booking} contact=${contact} actions=${actions} error=${decisions.problemOf(id) ?? problem?.message} />`;
    }
    if (problem?.status === 404) return html`<${EmptyState} icon="bookings" title=${t("bookings.gone")} />`;
    return problem ? html`<${ErrorState} problem=${problem} onRetry=${retry} />` : html`<${SkeletonRows} count=${3} />`;
  };
  return html`<${Dialog} title=${t("bookings.booking")} class="booking-details" onClose=${onClose}>${content()}</${Dialog}>`;
}
