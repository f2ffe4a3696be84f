// Change one's own password.

import { post } from "../../network/rest.js";
import { ask, toast } from "../../components/widgets.js";

export const changePassword = () => ask({
  title: "Change your password",
  text: "This browser stays logged in; every other login of yours ends.",
  fields: {
    old_password: { label: "Password until now", type: "password", autocomplete: "current-password", required: true },
    new_password: { label: "New password", type: "password", autocomplete: "new-password", required: true, hint: "At least 10 characters." },
  },
  action: "Change password",
  async submit(body) {
    await post("/api/auth/password", body);
    toast("Your password is changed.");
  },
});
