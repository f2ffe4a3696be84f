// Words of notices, and of the bars above the pages.

import { addWords } from "../language.js";

addWords({
  "notices.newMessages": [
    { one: "{n} new message", other: "{n} new messages" },
    { one: "{n} mensaje nuevo", other: "{n} mensajes nuevos" },
    { one: "{n} nova mensagem", other: "{n} novas mensagens" },
  ],
  "notices.withoutText": ["Sent something without text", "Envió algo sin texto", "Enviou algo sem texto"],
  "notices.notConnected": [
    "{name} is not connected: messages neither come in nor go out.",
    "{name} no está conectado: no entran ni salen mensajes.",
    "{name} não está conectado: mensagens não entram nem saem.",
  ],
  "notices.askOwner": ["Ask an owner of your organization to link it again.", "Pide a un propietario de tu organización que lo vincule de nuevo.", "Peça a um proprietário da sua organização para conectar de novo."],
  "notices.linkAgain": ["Link again", "Vincular de nuevo", "Conectar de novo"],
});
