// The statuses of messages that we send.

const STATUS_ORDER = ["sending", "queued", "unconfirmed", "sent", "failed", "delivered", "read", "played"];

/** Whether status `next` comes after `current`: answers and events may come in any order. */
export const isProgress = (current, next) => STATUS_ORDER.indexOf(next) > STATUS_ORDER.indexOf(current);
