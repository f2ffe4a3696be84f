// Why an account is not connected, why a field is refused, the texts of errors without a known code, and when to try again.

import { addWords } from "../language.js";

const KEYS_MISSING = [
  "The keys of this account are on another server. Start that one, or log the account out and connect it again with a new code.",
  "Las claves de esta cuenta están en otro servidor. Inicia ese, o cierra la sesión de la cuenta y conéctala de nuevo con otro código.",
  "As chaves desta conta estão em outro servidor. Ligue aquele, ou saia da conta e conecte de novo com outro código.",
];
const PASSWORD = ["Use 10 to 128 characters.", "Usa de 10 a 128 caracteres.", "Use de 10 a 128 caracteres."];
const PHONE = [
  "This is not a phone number. Write it with the country code, like +49 176 1234567.",
  "Esto no es un número de teléfono. Escríbelo con el código de país, como +52 55 1234 5678.",
  "Isto não é um número de telefone. Escreva com o código do país, como +55 11 91234 5678.",
];
const NAME = ["Write a name of 1 to 80 characters, on one line.", "Escribe un nombre de 1 a 80 caracteres, en una línea.", "Escreva um nome de 1 a 80 caracteres, em uma linha."];

addWords({
  "reasons.paired": ["The phone accepted; the account is being connected.", "El teléfono aceptó; la cuenta se está conectando.", "O telefone aceitou; a conta está sendo conectada."],
  "reasons.connection_lost": [
    "The connection to WhatsApp was lost. It is being restored by itself.", "Se perdió la conexión con WhatsApp. Se restablece sola.", "A conexão com o WhatsApp caiu. Ela está sendo refeita sozinha.",
  ],
  "reasons.network_unreachable": [
    "WhatsApp cannot be reached. It is tried again by itself; check the network of the server if it takes long.",
    "No se puede contactar a WhatsApp. Se intenta de nuevo solo; revisa la red del servidor si tarda mucho.",
    "Não foi possível contatar o WhatsApp. Uma nova tentativa é feita sozinha; verifique a rede do servidor se demorar.",
  ],
  "reasons.library_interrupted": [
    "The connection had to be closed. It is started again by itself.", "Hubo que cerrar la conexión. Se inicia de nuevo sola.", "Foi preciso fechar a conexão. Ela recomeça sozinha.",
  ],
  "reasons.worker_crashed": ["The connection ended unexpectedly. It is started again by itself.", "La conexión terminó de forma inesperada. Se inicia de nuevo sola.", "A conexão terminou de repente. Ela recomeça sozinha."],
  "reasons.service_restarted": [
    "The server was restarted. The connection is being restored by itself.", "El servidor se reinició. La conexión se restablece sola.", "O servidor foi reiniciado. A conexão está sendo refeita sozinha.",
  ],
  "reasons.service_stopping": [
    "The server is stopping. The account connects again when the server starts.",
    "El servidor se está deteniendo. La cuenta se conecta de nuevo cuando arranque.",
    "O servidor está parando. A conta se conecta de novo quando ele iniciar.",
  ],
  "reasons.lease_lost": [
    "A part of the server is not running right now. The account connects again when it is back.",
    "Una parte del servidor no está funcionando ahora. La cuenta se conecta de nuevo cuando vuelva.",
    "Uma parte do servidor não está funcionando agora. A conta se conecta de novo quando ela voltar.",
  ],
  "reasons.refused_by_whatsapp": [
    "WhatsApp refuses the connection. Wait a while, then connect again.", "WhatsApp rechaza la conexión. Espera un rato y conecta de nuevo.", "O WhatsApp recusa a conexão. Espere um pouco e conecte de novo.",
  ],
  "reasons.restricted_by_whatsapp": [
    "WhatsApp restricts this account. Read the notice on its phone and wait until the restriction ends.",
    "WhatsApp restringe esta cuenta. Lee el aviso en su teléfono y espera a que termine la restricción.",
    "O WhatsApp restringiu esta conta. Leia o aviso no telefone e espere a restrição acabar.",
  ],
  "reasons.client_outdated": [
    "WhatsApp does not accept this version of Switchboard any more. To have it updated, ask the person who runs this server.",
    "WhatsApp ya no acepta esta versión de Switchboard. Pide a quien administra este servidor que la actualice.",
    "O WhatsApp não aceita mais esta versão do Switchboard. Peça uma atualização a quem administra este servidor.",
  ],
  "reasons.connection_replaced": [
    "Another program uses the same account. Stop that one, then connect again.", "Otro programa usa la misma cuenta. Detenlo y conecta de nuevo.", "Outro programa usa a mesma conta. Pare o outro e conecte de novo.",
  ],
  "reasons.logged_out": ["The phone removed this device. Connect again with a new code.", "El teléfono quitó este dispositivo. Conecta de nuevo con otro código.", "O telefone removeu este aparelho. Conecte de novo com outro código."],
  "reasons.main_device_gone": [
    "WhatsApp removed this account from its phone. Register the phone again, then connect.",
    "WhatsApp quitó esta cuenta de su teléfono. Registra el teléfono de nuevo y conecta.",
    "O WhatsApp removeu esta conta do telefone. Registre o telefone de novo e conecte.",
  ],
  "reasons.keys_missing": KEYS_MISSING,
  "errors.keys_missing": KEYS_MISSING,
  "reasons.new_chats_restricted": [
    "WhatsApp does not let this account write first for a while. Answers to people who wrote still go out.",
    "Por un tiempo, WhatsApp no deja que esta cuenta escriba primero. Las respuestas a quien escribió sí salen.",
    "Por um tempo, o WhatsApp não deixa esta conta escrever primeiro. As respostas a quem escreveu continuam saindo.",
  ],
  "reasons.number_changed": [
    "Another phone than before is linked now, so the number has changed. Log out and scan with the right phone if that was a mistake.",
    "Ahora está vinculado otro teléfono, así que el número cambió. Si fue un error, cierra la sesión y escanea con el teléfono correcto.",
    "Agora outro telefone está conectado, por isso o número mudou. Se foi engano, saia da conta e escaneie com o telefone certo.",
  ],
  "reasons.other_number_refused": [
    "A phone with another number scanned the code and was unlinked again. Scan with the right phone.",
    "Un teléfono con otro número escaneó el código y se desvinculó. Escanea con el teléfono correcto.",
    "Um telefone com outro número escaneou o código e foi desconectado. Escaneie com o telefone certo.",
  ],
  "reasons.logout_asked": [
    "The account was logged out here. Connect again with a new code.", "La sesión de la cuenta se cerró aquí. Conecta de nuevo con otro código.", "A conta foi desconectada aqui. Conecte de novo com outro código.",
  ],
  "reasons.connect_too_late": [
    "The server could not connect the account when it was asked to. Connect again.", "El servidor no pudo conectar la cuenta cuando se le pidió. Conecta de nuevo.", "O servidor não conseguiu conectar a conta na hora. Conecte de novo.",
  ],
  "reasons.pairing_timeout": ["The code was not used in time. Ask for a new one.", "El código no se usó a tiempo. Pide uno nuevo.", "O código não foi usado a tempo. Peça um novo."],
  "reasons.pairing_failed": [
    "WhatsApp gave no code for this number. Check that the number uses WhatsApp, wait a minute, then ask for a new code.",
    "WhatsApp no dio un código para este número. Comprueba que el número use WhatsApp, espera un minuto y pide otro código.",
    "O WhatsApp não deu um código para este número. Verifique se o número usa WhatsApp, espere um minuto e peça outro código.",
  ],
  "reasons.as_asked": [
    "The account was disconnected here. Connecting again needs no new code.", "La cuenta se desconectó aquí. Para conectarla de nuevo no hace falta otro código.", "A conta foi desconectada aqui. Para conectar de novo não precisa de outro código.",
  ],
  "reasons.other": [
    "The connection ended. Connect again; if it ends again, ask the person who runs this server.",
    "La conexión terminó. Conecta de nuevo; si vuelve a terminar, pregunta a quien administra este servidor.",
    "A conexão terminou. Conecte de novo; se terminar outra vez, fale com quem administra este servidor.",
  ],
  "fields.email": ["Write an e-mail address like me@example.org.", "Escribe un correo como yo@example.org.", "Escreva um e-mail como eu@example.org."],
  "fields.password": PASSWORD,
  "fields.new_password": PASSWORD,
  "fields.old_password": ["This is not your password until now.", "Esta no es tu contraseña actual.", "Esta não é a sua senha atual."],
  "fields.phone_number": PHONE,
  "fields.name": NAME,
  "fields.organization_name": NAME,
  "fields.instance_name": [
    "Write a name on one line, without invisible characters, of at most 80 characters.",
    "Escribe un nombre en una línea, sin caracteres invisibles, de 80 caracteres como máximo.",
    "Escreva um nome em uma linha, sem caracteres invisíveis, de no máximo 80 caracteres.",
  ],
  "fieldCodes.missing": ["Please fill this in.", "Completa este campo.", "Preencha este campo."],
  "fieldCodes.string_too_short": ["This is too short.", "Esto es demasiado corto.", "Isto é curto demais."],
  "fieldCodes.string_too_long": ["This is too long.", "Esto es demasiado largo.", "Isto é longo demais."],
  "fieldCodes.extra_forbidden": [
    "The page and the server do not understand each other. Reload the page and try again.",
    "La página y el servidor no se entienden. Recarga la página e intenta de nuevo.",
    "A página e o servidor não se entendem. Recarregue a página e tente de novo.",
  ],
  "fieldCodes.other": ["This cannot be used. Check it and try again.", "Esto no se puede usar. Revísalo e intenta de nuevo.", "Isto não pode ser usado. Confira e tente de novo."],
  "errorStatus.500": ["The server could not do this right now.", "El servidor no pudo hacer esto ahora.", "O servidor não conseguiu fazer isso agora."],
  "errorStatus.429": ["Too many requests were made in a short time.", "Se hicieron demasiadas peticiones en poco tiempo.", "Foram feitos pedidos demais em pouco tempo."],
  "errorStatus.413": ["This is too much at once. Shorten it and try again.", "Esto es demasiado de una vez. Acórtalo e intenta de nuevo.", "Isto é demais de uma vez. Encurte e tente de novo."],
  "errorStatus.409": [
    "This cannot be done right now. Reload the page to see what has changed.", "Esto no se puede hacer ahora. Recarga la página para ver qué cambió.", "Isto não pode ser feito agora. Recarregue a página para ver o que mudou.",
  ],
  "errorStatus.404": [
    "This does not exist any more. Reload the page to see what is there.", "Esto ya no existe. Recarga la página para ver lo que hay.", "Isto não existe mais. Recarregue a página para ver o que há.",
  ],
  "errorStatus.403": ["You may not do this. Ask an owner of your organization.", "No tienes permiso para esto. Pídeselo a un propietario de tu organización.", "Você não tem permissão para isso. Peça a um proprietário da sua organização."],
  "errorStatus.401": ["Your login has ended. Log in again.", "Tu sesión terminó. Inicia sesión de nuevo.", "Sua sessão terminou. Entre de novo."],
  "errorStatus.400": [
    "The server did not accept this. Reload the page and try again.", "El servidor no aceptó esto. Recarga la página e intenta de nuevo.", "O servidor não aceitou isso. Recarregue a página e tente de novo.",
  ],
  "errorStatus.0": ["This did not work. Reload the page and try again.", "Esto no funcionó. Recarga la página e intenta de nuevo.", "Isto não funcionou. Recarregue a página e tente de novo."],
  "errorHints.soon": ["Try again in a moment.", "Intenta de nuevo en un momento.", "Tente de novo daqui a pouco."],
  "errorHints.seconds": [
    { one: "Try again in {n} second.", other: "Try again in {n} seconds." },
    { one: "Intenta de nuevo en {n} segundo.", other: "Intenta de nuevo en {n} segundos." },
    { one: "Tente de novo em {n} segundo.", other: "Tente de novo em {n} segundos." },
  ],
  "errorHints.minutes": [
    { one: "Try again in {n} minute.", other: "Try again in {n} minutes." },
    { one: "Intenta de nuevo en {n} minuto.", other: "Intenta de nuevo en {n} minutos." },
    { one: "Tente de novo em {n} minuto.", other: "Tente de novo em {n} minutos." },
  ],
  "errorHints.hours": [
    { one: "Try again in {n} hour.", other: "Try again in {n} hours." },
    { one: "Intenta de nuevo en {n} hora.", other: "Intenta de nuevo en {n} horas." },
    { one: "Tente de novo em {n} hora.", other: "Tente de novo em {n} horas." },
  ],
  "errorHints.reportId": [
    "If it happens again, tell the person who runs this server the request id {id}.",
    "Si vuelve a pasar, dile a quien administra este servidor el request id {id}.",
    "Se acontecer de novo, informe a quem administra este servidor o request id {id}.",
  ],
  "errorHints.report": [
    "If it happens again, tell the person who runs this server what you did and when.",
    "Si vuelve a pasar, cuéntale a quien administra este servidor qué hiciste y cuándo.",
    "Se acontecer de novo, conte a quem administra este servidor o que você fez e quando.",
  ],
});
