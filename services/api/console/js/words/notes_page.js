// Words of notes.

import { addWords } from "../language.js";

addWords({
  "notes.subtitle": ["What owners wrote to themselves, from their own numbers.", "Lo que los dueños se escribieron a sí mismos, desde sus propios números.", "O que os donos escreveram para si mesmos, dos próprios números."],
  "notes.older": ["Older notes", "Notas anteriores", "Notas anteriores"],
  "notes.noneYet": ["No notes yet", "Aún no hay notas", "Ainda não há notas"],
  "notes.noneYetText": [
    "Write to yourself on WhatsApp, from one of your own numbers: it is kept here.",
    "Escríbete a ti mismo en WhatsApp desde uno de tus números: se guarda aquí.",
    "Escreva para si mesmo no WhatsApp, de um dos seus números: fica guardado aqui.",
  ],
  "notes.deleted": ["This message was deleted", "Este mensaje fue eliminado", "Esta mensagem foi apagada"],
  "notes.withoutText": ["Without text", "Sin texto", "Sem texto"],
});
