// Makes the session of this browser from the response to a login, a registration, an accepted invitation or a new password.

import { ApiError } from "../../network/rest.js";
import { tokensOf } from "../../network/session.js";

/** Throws when the answer has no token. */
export function sessionOf(answer, email) {
  const found = { ...answer, ...answer.data };
  const token = found.token ?? found.access_token ?? found.accessToken;
  if (!token) throw new ApiError(502, { code: "answer_unreadable" });
  const user = found.user ?? {};
  return { ...tokensOf({ ...found, token }), email: user.email ?? email, organizationId: found.organization_id ?? found.organization?.id ?? user.organization_id };
}
