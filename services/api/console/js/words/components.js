// Words of the components.

import { addWords } from "../language.js";

addWords({
  "components.showPassword": ["Show", "Mostrar", "Mostrar"],
  "components.hidePassword": ["Hide", "Ocultar", "Ocultar"],
});
