// The picture of a person: the profile picture where there is one, else initials on one of eight colours.

import { html, useEffect, useRef, useState } from "../rendering.js";
import { initials } from "../formats.js";
import { config } from "../store/config.js";
import { profilePicture } from "../store/profile_pictures.js";

const HUES = 8;

/** The same colour for the same name, 0 to 7. */
export function hueOf(name) {
  let sum = 0;
  for (const letter of name ?? "") sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % HUES;
}

/** The address of the profile picture, read once the avatar is on the screen; null: none. */
function useProfilePicture(contactId, element) {
  const [address, setAddress] = useState(null);
  useEffect(() => {
    setAddress(null);
    if (!contactId || !element.current) return undefined;
    let isClosed = false;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      profilePicture(contactId, () => !isClosed).then((found) => { if (!isClosed) setAddress(found); });
    });
    observer.observe(element.current);
    return () => {
      isClosed = true;
      observer.disconnect();
    };
  }, [contactId]);
  return [address, () => setAddress(null)];
}

/** `contactId`: the contact whose profile picture is shown, on the initials until it is there; `size`: "small", "large" or null. */
export function Avatar({ name, contactId = null, size = null }) {
  const element = useRef(null);
  const [address, dropAddress] = useProfilePicture(config.value.profile_pictures ? contactId : null, element);
  return html`
    <span class=${`avatar hue-${hueOf(name)} ${size ?? ""}`} aria-hidden="true" ref=${element}>
      ${address ? html`<img src=${address} alt="" onError=${dropAddress} />` : initials(name)}
    </span>
  `;
}
