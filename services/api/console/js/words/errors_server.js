// What the console says of refusals that concern logins, the organization and the server: what happened, and what to do.

import { addWords } from "../language.js";

const OPERATOR = ["ask the person who runs this server", "pregunta a quien administra este servidor", "fale com quem administra este servidor"];
const GONE = [
  "It may have been removed in the meantime. Reload the page to see what is there.",
  "Puede que alguien lo haya quitado mientras tanto. Recarga la página para ver lo que hay.",
  "Pode ter sido removido nesse meio-tempo. Recarregue a página para ver o que há.",
];
const LOG_IN = ["Your login has ended. Log in again.", "Tu sesión terminó. Inicia sesión de nuevo.", "Sua sessão terminou. Entre de novo."];
const KEY = [
  "This is not possible with an API key. Log in with e-mail and password.",
  "Esto no es posible con una clave de API. Inicia sesión con correo y contraseña.",
  "Isto não é possível com uma chave de API. Entre com e-mail e senha.",
];
const RELOAD = [
  "The page and the server do not understand each other. Reload the page and try again.",
  "La página y el servidor no se entienden. Recarga la página e intenta de nuevo.",
  "A página e o servidor não se entendem. Recarregue a página e tente de novo.",
];
const BUSY = [
  "The server has too much to do right now. {again}",
  "El servidor tiene demasiado trabajo en este momento. {again}",
  "O servidor está sobrecarregado neste momento. {again}",
];
const PART_DOWN = [
  "A part of the server is not running right now. {again}",
  "Una parte del servidor no está funcionando ahora. {again}",
  "Uma parte do servidor não está funcionando agora. {again}",
];

addWords({
  "errors.address_too_long": [
    "What you search for is too long. Use fewer words.", "Lo que buscas es demasiado largo. Usa menos palabras.", "O que você busca é longo demais. Use menos palavras.",
  ],
  "errors.answer_too_large": [
    "There is too much to show at once. Narrow your search and try again.",
    "Hay demasiado para mostrar a la vez. Acota tu búsqueda e intenta de nuevo.",
    "Há coisa demais para mostrar de uma vez. Refine a busca e tente de novo.",
  ],
  "errors.answer_unreadable": [
    "The server's answer could not be read. {again}", "No se pudo leer la respuesta del servidor. {again}", "Não foi possível ler a resposta do servidor. {again}",
  ],
  "errors.answer_too_late": [
    "The server did not answer in time. Check your connection. {again}",
    "El servidor no respondió a tiempo. Revisa tu conexión. {again}",
    "O servidor não respondeu a tempo. Verifique sua conexão. {again}",
  ],
  "errors.api_key_expired": KEY,
  "errors.api_key_invalid": KEY,
  "errors.api_key_not_found": [`This API key does not exist. ${GONE[0]}`, `Esta clave de API no existe. ${GONE[1]}`, `Esta chave de API não existe. ${GONE[2]}`],
  "errors.authentication_required": LOG_IN,
  "errors.body_too_large": [
    "The text is too long. Shorten it, or send it in parts.", "El texto es demasiado largo. Acórtalo o envíalo por partes.", "O texto é longo demais. Encurte ou envie em partes.",
  ],
  "errors.bus_unavailable": PART_DOWN,
  "errors.busy": BUSY,
  "errors.cross_site": [
    `The server does not accept this page's address. Open Switchboard at its usual address, or ${OPERATOR[0]}.`,
    `El servidor no acepta la dirección de esta página. Abre Switchboard en su dirección habitual, o ${OPERATOR[1]}.`,
    `O servidor não aceita o endereço desta página. Abra o Switchboard no endereço de sempre, ou ${OPERATOR[2]}.`,
  ],
  "errors.dead_letter_not_found": [
    `This undelivered entry does not exist. ${GONE[0]}`, `Este elemento sin entregar no existe. ${GONE[1]}`, `Este item não entregue não existe. ${GONE[2]}`,
  ],
  "errors.email_not_configured": [
    "This server sends no e-mails. Ask an owner of your organization for a link.",
    "Este servidor no envía correos. Pide un enlace a un propietario de tu organización.",
    "Este servidor não envia e-mails. Peça um link a um proprietário da sua organização.",
  ],
  "errors.email_taken": [
    "Somebody in your organization has this e-mail address already. Use another one.",
    "Alguien de tu organización ya tiene este correo electrónico. Usa otro.",
    "Alguém da sua organização já usa este e-mail. Use outro.",
  ],
  "errors.headers_too_large": [
    "The browser sends too much with each request. Delete the cookies of this site and log in again.",
    "El navegador envía demasiado con cada petición. Borra las cookies de este sitio e inicia sesión de nuevo.",
    "O navegador envia dados demais em cada pedido. Apague os cookies deste site e entre de novo.",
  ],
  "errors.http_error": ["The server could not do this.", "El servidor no pudo hacer esto.", "O servidor não conseguiu fazer isso."],
  "errors.internal_error": ["Something went wrong on the server.", "Algo falló en el servidor.", "Algo deu errado no servidor."],
  "errors.invalid_cursor": ["The list has changed. Reload the page.", "La lista cambió. Recarga la página.", "A lista mudou. Recarregue a página."],
  "errors.invalid_json": RELOAD,
  "errors.invitation_expired": ["This invitation is too old. Ask for a new one.", "Esta invitación ya venció. Pide una nueva.", "Este convite já venceu. Peça um novo."],
  "errors.invitation_invalid": [
    "This invitation does not exist. Check that the link is complete, or ask for a new one.",
    "Esta invitación no existe. Comprueba que el enlace esté completo o pide una nueva.",
    "Este convite não existe. Verifique se o link está completo ou peça um novo.",
  ],
  "errors.invitation_renewed": [
    "There is a newer link for this invitation. Use that one.", "Hay un enlace más nuevo para esta invitación. Usa ese.", "Há um link mais novo para este convite. Use esse.",
  ],
  "errors.invitation_used": ["This invitation was used already. Log in instead.", "Esta invitación ya se usó. Inicia sesión.", "Este convite já foi usado. Entre com seu e-mail e senha."],
  "errors.invitation_withdrawn": ["This invitation was withdrawn. Ask for a new one.", "Esta invitación se anuló. Pide una nueva.", "Este convite foi cancelado. Peça um novo."],
  "errors.invitation_not_found": [
    "This invitation is used or withdrawn already. Reload the page.", "Esta invitación ya se usó o se anuló. Recarga la página.", "Este convite já foi usado ou cancelado. Recarregue a página.",
  ],
  "errors.key_limited": KEY,
  "errors.key_too_deep": KEY,
  "errors.key_unverified": PART_DOWN,
  "errors.last_owner": [
    "Your organization needs at least one owner. Make somebody else owner first.",
    "Tu organización necesita al menos un propietario. Primero nombra a otra persona.",
    "Sua organização precisa de pelo menos um proprietário. Primeiro escolha outra pessoa.",
  ],
  "errors.login_ended": LOG_IN,
  "errors.login_not_found": [`This login does not exist. ${GONE[0]}`, `Esta sesión no existe. ${GONE[1]}`, `Esta sessão não existe. ${GONE[2]}`],
  "errors.login_failed": [
    "The e-mail address or the password is wrong. Check both and try again.",
    "El correo o la contraseña no son correctos. Revísalos e intenta de nuevo.",
    "O e-mail ou a senha está errado. Confira os dois e tente de novo.",
  ],
  "errors.logins_busy": [
    "Many people are logging in right now. {again}", "Muchas personas están iniciando sesión ahora. {again}", "Muitas pessoas estão entrando neste momento. {again}",
  ],
  "errors.mails_busy": BUSY,
  "errors.method_not_allowed": RELOAD,
  "errors.missing_field": [
    "Something is missing. Fill in all fields and try again.", "Falta algo. Completa todos los campos e intenta de nuevo.", "Falta alguma coisa. Preencha todos os campos e tente de novo.",
  ],
  "errors.no_answer_yet": [
    "The change is taken on and not done yet. Look again in a moment.",
    "El cambio está en marcha y aún no termina. Mira de nuevo en un momento.",
    "A mudança foi recebida e ainda não terminou. Olhe de novo daqui a pouco.",
  ],
  "errors.no_login": KEY,
  "errors.nobody_answers": PART_DOWN,
  "errors.not_found": RELOAD,
  "errors.not_replayable": [
    "This entry is too large to be delivered again. Read it and delete it.",
    "Este elemento es demasiado grande para entregarse de nuevo. Léelo y elimínalo.",
    "Este item é grande demais para ser entregue de novo. Leia e exclua.",
  ],
  "errors.nothing_to_search": [
    "Write at least one letter or digit to search for.", "Escribe al menos una letra o cifra para buscar.", "Escreva pelo menos uma letra ou um número para buscar.",
  ],
  "errors.offline": [
    "There is no connection to the server, so the message was not sent. Try again when the page says “Live”.",
    "No hay conexión con el servidor, así que el mensaje no se envió. Intenta de nuevo cuando la página diga «En vivo».",
    "Não há conexão com o servidor, por isso a mensagem não foi enviada. Tente de novo quando a página disser “Ao vivo”.",
  ],
  "errors.organization_mismatch": [
    "You are logged in to another organization. Log out and log in again.",
    "Iniciaste sesión en otra organización. Cierra la sesión e inicia de nuevo.",
    "Você entrou em outra organização. Saia e entre de novo.",
  ],
  "errors.organization_not_found": [
    "Your organization does not exist any more. Register again, or ask its owner.",
    "Tu organización ya no existe. Regístrate de nuevo o pregunta a su propietario.",
    "Sua organização não existe mais. Cadastre-se de novo ou fale com o proprietário.",
  ],
  "errors.password_changed_meanwhile": [
    "The password was changed just now. Log in with the new one.", "La contraseña acaba de cambiar. Inicia sesión con la nueva.", "A senha acabou de ser mudada. Entre com a nova.",
  ],
  "errors.password_reset_expired": ["This link is too old. Ask for a new one.", "Este enlace ya venció. Pide uno nuevo.", "Este link já venceu. Peça um novo."],
  "errors.password_reset_invalid": [
    "This link does not exist. Check that it is complete, or ask for a new one.",
    "Este enlace no existe. Comprueba que esté completo o pide uno nuevo.",
    "Este link não existe. Verifique se está completo ou peça um novo.",
  ],
  "errors.password_reset_replaced": [
    "There is a newer link, or the password was changed since. Use the newest one.",
    "Hay un enlace más nuevo, o la contraseña cambió desde entonces. Usa lo más reciente.",
    "Há um link mais novo, ou a senha foi mudada depois. Use o mais recente.",
  ],
  "errors.password_reset_used": [
    "This link was used already. Log in with the new password.", "Este enlace ya se usó. Inicia sesión con la contraseña nueva.", "Este link já foi usado. Entre com a nova senha.",
  ],
  "errors.password_reset_withdrawn": ["This link was withdrawn. Ask for a new one.", "Este enlace se anuló. Pide uno nuevo.", "Este link foi cancelado. Peça um novo."],
  "errors.rate_limited": [
    "Too many requests were made in a short time. {again}", "Se hicieron demasiadas peticiones en poco tiempo. {again}", "Foram feitos pedidos demais em pouco tempo. {again}",
  ],
  "errors.refresh_token_invalid": LOG_IN,
  "errors.refresh_token_reused": [
    "Your login was used from another place, so it was ended to be safe. Log in again.",
    "Tu sesión se usó desde otro lugar, así que se cerró por seguridad. Inicia sesión de nuevo.",
    "Sua sessão foi usada em outro lugar e por segurança foi encerrada. Entre de novo.",
  ],
  "errors.registration_closed": [
    `New accounts cannot be made here. To get one, ${OPERATOR[0]}.`,
    `Aquí no se pueden crear cuentas nuevas. Para tener una, ${OPERATOR[1]}.`,
    `Aqui não é possível criar novas contas. Para ter uma, ${OPERATOR[2]}.`,
  ],
  "errors.request_in_progress": ["The server is still at work on this. {again}", "El servidor aún trabaja en esto. {again}", "O servidor ainda está cuidando disso. {again}"],
  "errors.reserved_event": RELOAD,
  "errors.role_missing": [
    "Only an owner may do this. Ask an owner of your organization.",
    "Solo un propietario puede hacer esto. Pídeselo a un propietario de tu organización.",
    "Só um proprietário pode fazer isso. Peça a um proprietário da sua organização.",
  ],
  "errors.scope_missing": [
    "You may not do this. Ask an owner of your organization.", "No tienes permiso para esto. Pídeselo a un propietario de tu organización.", "Você não tem permissão para isso. Peça a um proprietário da sua organização.",
  ],
  "errors.search_not_ready": ["The search is still being prepared. {again}", "La búsqueda aún se está preparando. {again}", "A busca ainda está sendo preparada. {again}"],
  "errors.search_timeout": [
    "The search took too long. Write more letters of the word, or one more word.",
    "La búsqueda tardó demasiado. Escribe más letras de la palabra, o una palabra más.",
    "A busca demorou demais. Escreva mais letras da palavra, ou mais uma palavra.",
  ],
  "errors.shown_once": [
    "This was done already, and its secret was shown once. Delete it and make a new one.",
    "Esto ya se hizo y su secreto se mostró una sola vez. Elimínalo y crea otro.",
    "Isto já foi feito e o segredo foi mostrado uma única vez. Exclua e crie outro.",
  ],
  "errors.simulator_answer_too_large": [
    "The simulated phone has too much to tell. Reload the page.", "El teléfono simulado tiene demasiado que contar. Recarga la página.", "O telefone simulado tem informação demais. Recarregue a página.",
  ],
  "errors.simulator_disabled": [
    "There are no simulated phones on this server. Link a real account instead.",
    "En este servidor no hay teléfonos simulados. Vincula una cuenta real.",
    "Não há telefones simulados neste servidor. Conecte uma conta de verdade.",
  ],
  "errors.simulator_unreachable": [
    `The simulated phones do not answer. Try again, or ${OPERATOR[0]}.`, `Los teléfonos simulados no responden. Intenta de nuevo, o ${OPERATOR[1]}.`, `Os telefones simulados não respondem. Tente de novo, ou ${OPERATOR[2]}.`,
  ],
  "errors.simulator_404": [
    "This simulated phone does not exist any more. Close it and open it again.", "Este teléfono simulado ya no existe. Ciérralo y ábrelo de nuevo.", "Este telefone simulado não existe mais. Feche e abra de novo.",
  ],
  "errors.simulator_409": [
    "The simulated phone cannot do this right now. Ask for a new code if the one on show is old, then try again.",
    "El teléfono simulado no puede hacer esto ahora. Pide otro código si el que se ve es viejo, e intenta de nuevo.",
    "O telefone simulado não pode fazer isso agora. Peça outro código se o que aparece for antigo, e tente de novo.",
  ],
  "errors.simulator_422": [
    "The simulated phone does not understand this. Check what you wrote and try again.",
    "El teléfono simulado no entiende esto. Revisa lo que escribiste e intenta de nuevo.",
    "O telefone simulado não entende isso. Confira o que você escreveu e tente de novo.",
  ],
  "errors.socket_closing": ["The connection was just closed. {again}", "La conexión acaba de cerrarse. {again}", "A conexão acabou de ser fechada. {again}"],
  "errors.starting": ["The server is just starting. {again}", "El servidor está arrancando. {again}", "O servidor está iniciando. {again}"],
  "errors.token_expired": LOG_IN,
  "errors.token_invalid": LOG_IN,
  "errors.token_missing": LOG_IN,
  "errors.too_late": [
    "This waited too long and was not done. Try again if you still want it.",
    "Esto esperó demasiado y no se hizo. Intenta de nuevo si aún lo quieres.",
    "Isto esperou tempo demais e não foi feito. Tente de novo se ainda quiser.",
  ],
  "errors.too_many_failures": [
    "Too many failed logins came from your network. {again}", "Hubo demasiados inicios de sesión fallidos desde tu red. {again}", "Houve tentativas de login sem sucesso demais na sua rede. {again}",
  ],
  "errors.too_many_logins": [
    "Too many logins were tried in a short time. {again}", "Se intentó iniciar sesión demasiadas veces en poco tiempo. {again}", "Houve tentativas de login demais em pouco tempo. {again}",
  ],
  "errors.too_many_password_requests": [
    "A link was asked for too often. Look into your mailbox. {again}", "Se pidió un enlace demasiadas veces. Revisa tu correo. {again}", "Um link foi pedido vezes demais. Confira seu e-mail. {again}",
  ],
  "errors.too_many_pending_commands": BUSY,
  "errors.too_many_sessions": BUSY,
  "errors.too_many_sockets": [
    "Too many pages of your network are open and not logged in. Close some and try again.",
    "Hay demasiadas páginas abiertas en tu red sin iniciar sesión. Cierra algunas e intenta de nuevo.",
    "Há páginas demais abertas na sua rede sem login. Feche algumas e tente de novo.",
  ],
  "errors.unavailable": PART_DOWN,
  "errors.unknown_session": RELOAD,
  "errors.unreachable": [
    "The server cannot be reached. Check your connection and that Switchboard is running, then try again.",
    "No se puede contactar al servidor. Revisa tu conexión y que Switchboard esté funcionando, e intenta de nuevo.",
    "Não foi possível contatar o servidor. Verifique sua conexão e se o Switchboard está funcionando, e tente de novo.",
  ],
  "errors.unreadable": RELOAD,
  "errors.user_not_found": [`This person does not exist. ${GONE[0]}`, `Esta persona no existe. ${GONE[1]}`, `Esta pessoa não existe. ${GONE[2]}`],
  "errors.user_removed": [
    "You were removed from this organization. Ask its owner.", "Te quitaron de esta organización. Pregunta a su propietario.", "Você foi removido desta organização. Fale com o proprietário.",
  ],
  "errors.validation_failed": [
    "Something you wrote cannot be used. Check it and try again.", "Algo de lo que escribiste no se puede usar. Revísalo e intenta de nuevo.", "Algo que você escreveu não pode ser usado. Confira e tente de novo.",
  ],
  "errors.wrong_password": [
    "The password until now is wrong. Check it and try again.", "La contraseña actual no es correcta. Revísala e intenta de nuevo.", "A senha atual está errada. Confira e tente de novo.",
  ],
});
