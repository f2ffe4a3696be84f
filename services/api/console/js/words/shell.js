// Words of the frame around the pages.

import { addWords } from "../language.js";

addWords({
  "shell.inbox": ["Inbox", "Bandeja", "Conversas"],
  "shell.bookings": ["Bookings", "Reservas", "Agendamentos"],
  "shell.people": ["People", "Personas", "Pessoas"],
  "shell.notes": ["Notes", "Notas", "Notas"],
  "shell.settings": ["Settings", "Ajustes", "Configurações"],
  "shell.mainNavigation": ["Main", "Principal", "Principal"],
  "shell.skip": ["Skip to the content", "Saltar al contenido", "Ir para o conteúdo"],
  "shell.live": ["Live", "En vivo", "Ao vivo"],
  "shell.connecting": ["Connecting…", "Conectando…", "Conectando…"],
  "shell.reconnecting": ["Reconnecting…", "Reconectando…", "Reconectando…"],
  "shell.outage": [
    "The connection to the server was lost at {time}. What you see may be old; it is brought up to date as soon as the server answers.",
    "Se perdió la conexión con el servidor a las {time}. Lo que ves puede estar desactualizado; se actualizará en cuanto el servidor responda.",
    "A conexão com o servidor caiu às {time}. O que você vê pode estar desatualizado; será atualizado assim que o servidor responder.",
  ],
  "shell.lightColours": ["Light colours", "Colores claros", "Cores claras"],
  "shell.darkColours": ["Dark colours", "Colores oscuros", "Cores escuras"],
  "shell.changePassword": ["Change password", "Cambiar la contraseña", "Mudar a senha"],
  "shell.logOut": ["Log out", "Cerrar sesión", "Sair"],
  "shell.loggedOutElsewhere": ["You logged out in another tab.", "Cerraste la sesión en otra pestaña.", "Você saiu em outra aba."],
  "shell.simulatedPhone": ["Simulated phone", "Teléfono simulado", "Telefone simulado"],
  "shell.waiting": [
    { one: "{n} booking waits", other: "{n} bookings wait" },
    { one: "{n} reserva en espera", other: "{n} reservas en espera" },
    { one: "{n} agendamento esperando", other: "{n} agendamentos esperando" },
  ],
  "shell.unread": [
    { one: "{n} unread conversation", other: "{n} unread conversations" },
    { one: "{n} conversación sin leer", other: "{n} conversaciones sin leer" },
    { one: "{n} conversa não lida", other: "{n} conversas não lidas" },
  ],
  "shell.pageNotLoaded": [
    "This page could not be loaded. Check your connection.",
    "No se pudo cargar esta página. Revisa tu conexión.",
    "Não foi possível carregar esta página. Verifique sua conexão.",
  ],
  "shell.pageFailed": [
    "Something on this page went wrong. What you typed in the message field is kept. Reload the page; if it happens again, tell the person who runs this server what you did.",
    "Algo falló en esta página. Lo que escribiste en el campo de mensaje se conserva. Recarga la página; si vuelve a pasar, cuéntale a quien administra este servidor lo que hiciste.",
    "Algo deu errado nesta página. O que você escreveu no campo de mensagem foi guardado. Recarregue a página; se acontecer de novo, conte a quem administra este servidor o que você fez.",
  ],
  "shell.reload": ["Reload", "Recargar", "Recarregar"],
  "shell.noteKept": ["Note kept: {text}", "Nota guardada: {text}", "Nota guardada: {text}"],
  "shell.noteWithoutText": ["without text", "sin texto", "sem texto"],
  "shell.otherUser.title": ["Another user is logged in", "Otro usuario inició sesión", "Outro usuário entrou"],
  "shell.otherUser.text": [
    "{email} has logged in in another tab of this browser. This tab has stopped, so that nothing is done under the wrong name.",
    "{email} inició sesión en otra pestaña de este navegador. Esta pestaña se detuvo para que nada se haga con el nombre equivocado.",
    "{email} entrou em outra aba deste navegador. Esta aba parou, para que nada seja feito com o nome errado.",
  ],
  "shell.otherUser.continue": ["Continue as {email}", "Continuar como {email}", "Continuar como {email}"],
});
