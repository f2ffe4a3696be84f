// Fields of forms.

import { Button } from "../components/Button.js";
import { Checkbox, PasswordField, SearchField, Select, Switch, TextArea, TextField } from "../components/Field.js";
import { useForm } from "../components/form.js";
import { RequestError } from "../network/errors.js";
import { html, useState } from "../rendering.js";
import { State, doNothing } from "./State.js";

const ROLES = [{ value: "owner", label: "Owner" }, { value: "agent", label: "Agent" }, { value: "viewer", label: "Viewer: reads and changes nothing in the whole organization" }];
const LONG = "A text of several lines,\nwhich somebody\nis still writing";

export function TextFields() {
  const [text, setText] = useState("Corner shop");
  return html`
    <${State} name="with a value" block class="gallery-narrow"><${TextField} id="g-name" label="Name" value=${text} onInput=${setText} /></${State}>
    <${State} name="empty" block class="gallery-narrow"><${TextField} id="g-empty" label="Number" placeholder="+55 11 98765 4321" value="" onInput=${doNothing} /></${State}>
    <${State} name="with a hint" block class="gallery-narrow"><${TextField} id="g-hint" label="E-mail" type="email" hint="Your colleagues see it." value="me@example.org" onInput=${doNothing} /></${State}>
    <${State} name="with an error" block class="gallery-narrow"><${TextField} id="g-error" label="Number" error="This is no number of WhatsApp. Check it." hint="With the code of the country." value="+55 11" onInput=${doNothing} /></${State}>
    <${State} name="disabled" block class="gallery-narrow"><${TextField} id="g-disabled" label="Name" disabled value="Corner shop" onInput=${doNothing} /></${State}>
    <${State} name="label hidden" block class="gallery-narrow"><${TextField} id="g-hidden" label="Name" hideLabel value="Corner shop" onInput=${doNothing} /></${State}>
    <${State} name="password" block class="gallery-narrow"><${PasswordField} id="g-password" label="Password" value="secret" autocomplete="off" onInput=${doNothing} /></${State}>
    <${State} name="several lines" block class="gallery-narrow"><${TextArea} id="g-area" label="Note" value=${LONG} onInput=${doNothing} /></${State}>
    <${State} name="with an error" block class="gallery-narrow"><${TextArea} id="g-area-error" label="Note" rows="2" error="Please fill this in." value="" onInput=${doNothing} /></${State}>
  `;
}

export function Choices() {
  const [role, setRole] = useState("agent");
  const [isOn, setOn] = useState(true);
  const [search, setSearch] = useState("Anna");
  return html`
    <${State} name="select" block class="gallery-narrow"><${Select} id="g-role" label="Role" options=${ROLES} value=${role} onChange=${setRole} /></${State}>
    <${State} name="long" block class="gallery-narrow"><${Select} id="g-role-long" label="Role" options=${ROLES} value="viewer" onChange=${doNothing} /></${State}>
    <${State} name="with an error" block class="gallery-narrow"><${Select} id="g-role-error" label="Role" options=${ROLES} error="You may not give this role." value="owner" onChange=${doNothing} /></${State}>
    <${State} name="switch" block class="gallery-narrow">
      <${Switch} id="g-on" label="Sound" checked=${isOn} onChange=${setOn} />
      <${Switch} id="g-off" label="Desktop notifications" checked=${false} hint="Your browser has to allow them." onChange=${doNothing} />
      <${Switch} id="g-switch-disabled" label="Not possible here" checked disabled onChange=${doNothing} />
    </${State}>
    <${State} name="checkbox" block class="gallery-narrow">
      <${Checkbox} id="g-checked" label="May send messages" checked onChange=${doNothing} />
      <${Checkbox} id="g-unchecked" label="May manage accounts" checked=${false} hint="Links and removes numbers." onChange=${doNothing} />
      <${Checkbox} id="g-checkbox-disabled" label="May read" checked disabled onChange=${doNothing} />
    </${State}>
    <${State} name="search" block class="gallery-narrow"><${SearchField} label="Search people" value=${search} onInput=${setSearch} /></${State}>
    <${State} name="empty" block class="gallery-narrow"><${SearchField} label="Search bookings" value="" onInput=${doNothing} /></${State}>
  `;
}

/** The form refuses a name of less than three letters beside the field, and everything else below. */
export function Forms() {
  const { values, set, errors, problem, isBusy, onSubmit } = useForm(
    { name: "", note: "" },
    () => { throw new RequestError({ code: "unreachable" }, "The server could not be reached. Try again in a moment."); },
    ({ name }) => (name.length < 3 ? { name: "Use at least three letters." } : {}),
  );
  return html`
    <${State} name="form" block class="gallery-narrow">
      <form class="card" novalidate onSubmit=${onSubmit}>
        <${TextField} id="g-form-name" label="Name" value=${values.name} error=${errors.name} onInput=${(value) => set("name", value)} />
        <${TextArea} id="g-form-note" label="Note" value=${values.note} error=${errors.note} onInput=${(value) => set("note", value)} />
        <p class="error box" role="alert">${problem?.message ?? ""}</p>
        <div class="actions"><${Button} variant="primary" type="submit" busy=${isBusy}>Save</${Button}></div>
      </form>
    </${State}>
  `;
}
