// Words of the components.

import { addWords } from "../language.js";

addWords({
  "components.showPassword": ["Show", "Mostrar", "Mostrar"],
  "components.listCutOff": [
    { one: "The first one is listed. Search to find others.", other: "The first {n} are listed. Search to find others." },
    { one: "Se muestra el primero. Busca para encontrar otros.", other: "Se muestran los primeros {n}. Busca para encontrar otros." },
    { one: "O primeiro está na lista. Busque para achar outros.", other: "Os primeiros {n} estão na lista. Busque para achar outros." },
  ],
  "components.hidePassword": ["Hide", "Ocultar", "Ocultar"],
});
