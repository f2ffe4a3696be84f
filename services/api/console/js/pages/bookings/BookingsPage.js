// Bookings by status, with their actions.

import { Button } from "../../components/Button.js";
import { SearchField } from "../../components/Field.js";
import { ListEnd } from "../../components/ListEnd.js";
import { EmptyState } from "../../components/placeholders.js";
import { PageHeader } from "../../components/layout.js";
import { searchFieldProps, useSearchText } from "../../components/search_text.js";
import { Tabs } from "../../components/Tabs.js";
import { VirtualList } from "../../components/VirtualList.js";
import { t } from "../../language.js";
import { can } from "../../network/session.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../rendering.js";
import { navigate } from "../../router.js";
import { matchesPerson, wordsOf } from "../../store/search_match.js";
import { counts, usePagedList, useTopic } from "../../store/signals.js";
import { contactOf, on, store } from "../../store/store.js";
import "../../words/bookings.js";
import { useContactConversations } from "../people/contact_conversations.js";
import { newestBookingFirst } from "./booking_order.js";
import { BookingDetails } from "./BookingDetails.js";
import { BookingRow } from "./BookingRow.js";
import { BOOKING_STATUSES } from "./BookingStatus.js";
import { useDecisions } from "./decisions.js";
import { openNewBooking } from "./NewBookingDialog.js";

const ALL = "all";
const isSamePlace = (one, other) => newestBookingFirst(one, other) === 0;
const personOf = (booking) => booking.contact ?? store.contacts.get(booking.contact_id);

function countOf(status) {
  const found = counts.value.bookings ?? {};
  return status === ALL ? Object.values(found).reduce((sum, count) => sum + count, 0) : found[status];
}

/** The bookings of a status that match a search, read again when either changes. */
function useBookings(status, text, controls, conversations) {
  const list = usePagedList({
    name: "bookings", path: "/api/bookings", order: newestBookingFirst, reach: () => controls.current?.reach() ?? 0,
    arrived: (records) => conversations.read(records.map((booking) => booking.contact_id)),
  });
  useLayoutEffect(() => {
    const words = wordsOf(text);
    const accepts = (booking) => (status === ALL || booking.status === status) && matchesPerson(words, personOf(booking), booking.text);
    controls.current?.toTop();
    list.ask({ status: status === ALL ? null : status, search: text }, accepts);
  }, [status, text]);
  useEffect(() => on("merged", list.reload), []);
  return list;
}

function Empty({ isSearch }) {
  if (isSearch) return html`<${EmptyState} icon="search" title=${t("bookings.nothingFound")} text=${t("bookings.nothingFoundText")} />`;
  return html`<${EmptyState} icon="bookings" title=${t(countOf(ALL) ? "bookings.nothingHere" : "bookings.noneYet")} text=${t("bookings.noneYetText")} />`;
}

export function BookingsPage({ id }) {
  const [status, setStatus] = useState("pending");
  const search = useSearchText();
  const controls = useRef(null);
  const conversations = useContactConversations();
  const list = useBookings(status, search.text, controls, conversations);
  const decisions = useDecisions();
  useTopic("contacts");

  function renderItem(booking) {
    const person = personOf(booking);
    if (!person) contactOf(booking.contact_id).catch(() => {});
    const conversation = conversations.of(booking.contact_id).find((each) => each.instance_id === booking.instance_id);
    return html`<${BookingRow} booking=${booking} person=${person} conversationId=${conversation?.id ?? null} problem=${decisions.problemOf(booking.id)} isBusy=${decisions.isBusy(booking.id)} decide=${(action) => decisions.decide(booking, action)} />`;
  }

  const tabs = [...BOOKING_STATUSES, ALL].map((key) => ({ key, label: t(`bookings.tab.${key}`), count: countOf(key) }));
  const make = can("manage") && html`<${Button} variant="primary" icon="plus" onClick=${() => openNewBooking()}>${t("bookings.new")}</${Button}>`;
  const header = html`
    <div class="list-head">
      <${PageHeader} title=${t("shell.bookings")} subtitle=${t("bookings.subtitle")} actions=${html`<${SearchField} label=${t("bookings.search")} ...${searchFieldProps(search)} />${make}`} />
      <${Tabs} label=${t("bookings.statuses")} items=${tabs} current=${status} onSelect=${setStatus} />
    </div>
  `;
  return html`
    <${VirtualList}
      class="view list-page" label=${t("shell.bookings")} items=${[...list.records()]} keyOf=${(booking) => booking.id} renderItem=${renderItem} controls=${controls}
      stop=".row" isSamePlace=${isSamePlace} complete=${list.isComplete() || list.isFull()} onNearEnd=${() => list.more()}
      header=${header} footer=${html`<${ListEnd} list=${list} empty=${html`<${Empty} isSearch=${Boolean(search.text)} />`} />`}
    />
    ${id && html`<${BookingDetails} key=${id} id=${id} decisions=${decisions} onClose=${() => navigate("bookings")} />`}
  `;
}
