// People: the table of all, or one of them.

import { html } from "../../rendering.js";
import "../../words/people_page.js";
import { PeopleList } from "./PeopleList.js";
import { PersonPage } from "./PersonPage.js";

export const PeoplePage = ({ id }) => (id ? html`<${PersonPage} key=${id} id=${id} />` : html`<${PeopleList} />`);
