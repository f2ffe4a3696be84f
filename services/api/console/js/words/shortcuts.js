// Words of the keyboard shortcuts and of the command palette.

import { addWords } from "../language.js";

addWords({
  "shortcuts.title": ["Keyboard shortcuts", "Atajos de teclado", "Atalhos do teclado"],
  "shortcuts.help": ["Show all shortcuts", "Ver todos los atajos", "Ver todos os atalhos"],
  "shortcuts.palette": ["Find and do", "Buscar y hacer", "Buscar e fazer"],
  "shortcuts.paletteField": ["Conversation, person, page or command", "Conversación, persona, página o comando", "Conversa, pessoa, página ou comando"],
  "shortcuts.search": ["Search on this page", "Buscar en esta página", "Buscar nesta página"],
  "shortcuts.nextConversation": ["Next conversation", "Conversación siguiente", "Próxima conversa"],
  "shortcuts.previousConversation": ["Previous conversation", "Conversación anterior", "Conversa anterior"],
  "shortcuts.assignToMe": ["Assign the conversation to me", "Asignarme la conversación", "Atribuir a conversa a mim"],
  "shortcuts.closeAndNext": ["Close the conversation and open the next", "Cerrar la conversación y abrir la siguiente", "Encerrar a conversa e abrir a próxima"],
  "shortcuts.goToInbox": ["Go to the inbox", "Ir a la bandeja", "Ir para as conversas"],
  "shortcuts.goToBookings": ["Go to the bookings", "Ir a las reservas", "Ir para os agendamentos"],
  "shortcuts.goToPeople": ["Go to the people", "Ir a las personas", "Ir para as pessoas"],
  "shortcuts.goToSettings": ["Go to the settings", "Ir a los ajustes", "Ir para as configurações"],
  "shortcuts.changeTheme": ["Light or dark colours", "Colores claros u oscuros", "Cores claras ou escuras"],
  "shortcuts.key.Mod": ["Ctrl", "Ctrl", "Ctrl"],
  "shortcuts.then": ["then", "luego", "depois"],
  "shortcuts.or": ["or", "o", "ou"],
  "shortcuts.notWhileTyping": ["None works while you type.", "Ninguno funciona mientras escribes.", "Nenhum funciona enquanto você escreve."],
  "shortcuts.switchedOff": ["They are switched off.", "Están desactivados.", "Eles estão desativados."],
  "shortcuts.toSettings": ["Settings of the shortcuts", "Ajustes de los atajos", "Configurações dos atalhos"],
  "shortcuts.results": [
    { one: "{n} result", other: "{n} results" },
    { one: "{n} resultado", other: "{n} resultados" },
    { one: "{n} resultado", other: "{n} resultados" },
  ],
  "shortcuts.nothingFound": ["Nothing was found.", "No se encontró nada.", "Nada foi encontrado."],
  "shortcuts.group.conversations": ["Conversations", "Conversaciones", "Conversas"],
  "shortcuts.group.people": ["People", "Personas", "Pessoas"],
  "shortcuts.group.pages": ["Pages", "Páginas", "Páginas"],
  "shortcuts.group.commands": ["Commands", "Comandos", "Comandos"],
});
