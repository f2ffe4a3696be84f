// The state of a form: its values stay when a request fails, and errors stand beside their fields.

import { displayError } from "../network/errors.js";
import { useRef, useState } from "../rendering.js";

/** The first field with an error gets the focus, after it was drawn. */
function focusFirstError(form) {
  requestAnimationFrame(() => form?.querySelector('[aria-invalid="true"]')?.focus());
}

/**
 * `initial`: {name: value}; `submit(values)` may throw an ApiError; `validate(values)` → {name: text} of fields that cannot be sent.
 * → {values, set(name, value), errors: {name: text}, problem: an error without a field, isBusy, onSubmit}
 */
export function useForm(initial, submit, validate = () => ({})) {
  const [values, setValues] = useState(initial);
  const [{ errors, problem }, setFailure] = useState({ errors: {}, problem: null });
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);

  function set(name, value) {
    setValues((current) => ({ ...current, [name]: value }));
    setFailure((current) => ({ ...current, errors: { ...current.errors, [name]: null } }));
  }

  function fail(found, other, form) {
    setFailure({ errors: found, problem: other });
    if (Object.values(found).some(Boolean)) focusFirstError(form);
  }

  async function onSubmit(event) {
    event.preventDefault();
    if (running.current) return;
    const form = event.currentTarget;
    const invalid = validate(values);
    if (Object.values(invalid).some(Boolean)) return void fail(invalid, null, form);
    running.current = true;
    setBusy(true);
    setFailure({ errors: {}, problem: null });
    try {
      await submit(values);
    } catch (thrown) {
      const shown = displayError(thrown);
      const found = Object.fromEntries(Object.entries(shown.fields ?? {}).filter(([name]) => name in values));
      fail(found, Object.keys(found).length ? null : shown, form);
    } finally {
      running.current = false;
      setBusy(false);
    }
  }

  return { values, set, errors, problem, isBusy, onSubmit };
}
