// What the console says of refusals that concern accounts of WhatsApp, messages and customers: what happened, and what to do.

import { addWords } from "../language.js";

const GONE = [
  "It may have been removed in the meantime. Reload the page to see what is there.",
  "Puede que alguien lo haya quitado mientras tanto. Recarga la página para ver lo que hay.",
  "Pode ter sido removido nesse meio-tempo. Recarregue a página para ver o que há.",
];
const NO_ACCOUNT = [`This account does not exist. ${GONE[0]}`, `Esta cuenta no existe. ${GONE[1]}`, `Esta conta não existe. ${GONE[2]}`];
const PENDING_SENDS = [
  "Many messages of this account are still waiting for WhatsApp. Check that its phone is online, and send again when some have gone out.",
  "Muchos mensajes de esta cuenta aún esperan a WhatsApp. Comprueba que su teléfono tenga conexión y envía de nuevo cuando algunos hayan salido.",
  "Muitas mensagens desta conta ainda esperam pelo WhatsApp. Verifique se o telefone está conectado e envie de novo quando algumas tiverem saído.",
];

addWords({
  "errors.account_not_found": NO_ACCOUNT,
  "errors.session_not_found": NO_ACCOUNT,
  "errors.assignee_unknown": [
    "This person is not in your organization any more. Choose somebody else.",
    "Esta persona ya no está en tu organización. Elige a otra.",
    "Esta pessoa não está mais na sua organização. Escolha outra.",
  ],
  "errors.booking_not_found": [`This booking does not exist. ${GONE[0]}`, `Esta reserva no existe. ${GONE[1]}`, `Este agendamento não existe. ${GONE[2]}`],
  "errors.booking_open": [
    "This customer has an open booking already. Complete or cancel that one first.",
    "Este cliente ya tiene una reserva abierta. Complétala o cancélala primero.",
    "Este cliente já tem um agendamento aberto. Conclua ou cancele esse primeiro.",
  ],
  "errors.booking_status_conflict": [
    "Somebody else changed this booking in the meantime. Reload the page to see its status now.",
    "Otra persona cambió esta reserva mientras tanto. Recarga la página para ver su estado actual.",
    "Outra pessoa mudou este agendamento nesse meio-tempo. Recarregue a página para ver o estado atual.",
  ],
  "errors.connect_failed": [
    "The account could not be connected. Try again, and check that the phone is online.",
    "No se pudo conectar la cuenta. Intenta de nuevo y comprueba que el teléfono tenga conexión.",
    "Não foi possível conectar a conta. Tente de novo e verifique se o telefone está conectado.",
  ],
  "errors.contact_changed": [
    "Somebody else changed the name of this contact in the meantime. Look at it, and decide again.",
    "Otra persona cambió el nombre de este contacto mientras tanto. Míralo y decide de nuevo.",
    "Outra pessoa mudou o nome deste contato nesse meio-tempo. Veja como está e decida de novo.",
  ],
  "errors.contact_not_found": [`This contact does not exist. ${GONE[0]}`, `Este contacto no existe. ${GONE[1]}`, `Este contato não existe. ${GONE[2]}`],
  "errors.contact_not_merged": [
    "These contacts are separate already. Reload the page to see them.",
    "Estos contactos ya están separados. Recarga la página para verlos.",
    "Estes contatos já estão separados. Recarregue a página para vê-los.",
  ],
  "errors.contacts_have_numbers": [
    "Both contacts have a phone number of their own. Merge them only if they are the same person.",
    "Cada contacto tiene su propio número. Únelos solo si son la misma persona.",
    "Cada contato tem o próprio número. Una os dois só se forem a mesma pessoa.",
  ],
  "errors.conversation_changed": [
    "Somebody else changed this conversation in the meantime. Look at it, and decide again.",
    "Otra persona cambió esta conversación mientras tanto. Mírala y decide de nuevo.",
    "Outra pessoa mudou esta conversa nesse meio-tempo. Veja como está e decida de novo.",
  ],
  "errors.conversation_not_found": [
    `This conversation does not exist. ${GONE[0]}`, `Esta conversación no existe. ${GONE[1]}`, `Esta conversa não existe. ${GONE[2]}`,
  ],
  "errors.empty_text": [
    "An empty text cannot be sent. Write something first.",
    "No se puede enviar un texto vacío. Escribe algo primero.",
    "Não dá para enviar um texto vazio. Escreva algo primeiro.",
  ],
  "errors.idempotency_conflict": [
    "This message was sent with another text before. Write it again as a new message.",
    "Este mensaje ya se envió con otro texto. Escríbelo de nuevo como mensaje nuevo.",
    "Esta mensagem já foi enviada com outro texto. Escreva de novo como uma nova mensagem.",
  ],
  "errors.instance_ambiguous": [
    "Several accounts are connected. Open the conversation of the account you want to write from.",
    "Hay varias cuentas conectadas. Abre la conversación de la cuenta desde la que quieres escribir.",
    "Há várias contas conectadas. Abra a conversa da conta com a qual você quer escrever.",
  ],
  "errors.instance_logging_out": [
    "The account is just being logged out. {again}",
    "La sesión de esta cuenta se está cerrando ahora mismo. {again}",
    "A conta está sendo desconectada neste momento. {again}",
  ],
  "errors.instance_mismatch": [
    "This conversation belongs to another account. Open it from the inbox and write there.",
    "Esta conversación es de otra cuenta. Ábrela desde la bandeja y escribe ahí.",
    "Esta conversa é de outra conta. Abra pela página de conversas e escreva ali.",
  ],
  "errors.instance_not_connected": [
    "The account is not online. Connect it in the settings, under “Numbers”, then send again.",
    "La cuenta no está conectada. Conéctala en los ajustes, en «Números», y envía de nuevo.",
    "A conta não está conectada. Conecte nas configurações, em “Números”, e envie de novo.",
  ],
  "errors.instance_not_found": [
    "This account does not exist. Connect an account in the settings, under “Numbers”, first.",
    "Esta cuenta no existe. Primero conecta una cuenta en los ajustes, en «Números».",
    "Esta conta não existe. Primeiro conecte uma conta nas configurações, em “Números”.",
  ],
  "errors.instance_restricted": [
    "WhatsApp restricts this account for now. Read the notice on its phone and wait until the restriction ends.",
    "WhatsApp restringe esta cuenta por ahora. Lee el aviso en su teléfono y espera a que termine la restricción.",
    "O WhatsApp restringiu esta conta por enquanto. Leia o aviso no telefone e espere a restrição acabar.",
  ],
  "errors.invalid_payload": [
    "The text holds a broken character. Delete the last emoji or symbol and send it again.",
    "El texto tiene un carácter dañado. Borra el último emoji o símbolo y envíalo de nuevo.",
    "O texto tem um caractere corrompido. Apague o último emoji ou símbolo e envie de novo.",
  ],
  "errors.invalid_phone": [
    "This is not a phone number. Write it with the country code, like +49 176 1234567.",
    "Esto no es un número de teléfono. Escríbelo con el código de país, como +52 55 1234 5678.",
    "Isto não é um número de telefone. Escreva com o código do país, como +55 11 91234 5678.",
  ],
  "errors.invalid_session_name": [
    "This name cannot be used. Use up to 100 letters, digits, blanks and dots.",
    "Este nombre no se puede usar. Usa hasta 100 letras, cifras, espacios y puntos.",
    "Este nome não pode ser usado. Use até 100 letras, números, espaços e pontos.",
  ],
  "errors.message_not_found": [
    "This message does not exist any more. Close the search and open the conversation from the inbox.",
    "Este mensaje ya no existe. Cierra la búsqueda y abre la conversación desde la bandeja.",
    "Esta mensagem não existe mais. Feche a busca e abra a conversa pela página de conversas.",
  ],
  "errors.message_failed": ["The message was not sent. Try again.", "El mensaje no se envió. Intenta de nuevo.", "A mensagem não foi enviada. Tente de novo."],
  "errors.message_unconfirmed": [
    "It is not known whether the message was sent. Look at the phone before you send it again.",
    "No se sabe si el mensaje se envió. Mira el teléfono antes de enviarlo de nuevo.",
    "Não se sabe se a mensagem foi enviada. Olhe o telefone antes de enviar de novo.",
  ],
  "errors.missing_phone_number": [
    "The phone number is missing. Write it with the country code, like +49 176 1234567.",
    "Falta el número de teléfono. Escríbelo con el código de país, como +52 55 1234 5678.",
    "Falta o número de telefone. Escreva com o código do país, como +55 11 91234 5678.",
  ],
  "errors.missing_recipient": [
    "It is not known whom this message is for. Open the conversation from the inbox and write there.",
    "No se sabe para quién es este mensaje. Abre la conversación desde la bandeja y escribe ahí.",
    "Não se sabe para quem é esta mensagem. Abra a conversa pela página de conversas e escreva ali.",
  ],
  "errors.network_differs": [
    "This account exists with another kind of phone already. Delete it first, or add a new account.",
    "Esta cuenta ya existe con otro tipo de teléfono. Elimínala primero o añade una cuenta nueva.",
    "Esta conta já existe com outro tipo de telefone. Exclua primeiro ou adicione uma nova conta.",
  ],
  "errors.no_answer": ["WhatsApp did not answer in time. {again}", "WhatsApp no respondió a tiempo. {again}", "O WhatsApp não respondeu a tempo. {again}"],
  "errors.number_not_asked": [
    "WhatsApp could not be asked about this number. {again}",
    "No se pudo consultar este número a WhatsApp. {again}",
    "Não foi possível consultar este número no WhatsApp. {again}",
  ],
  "errors.pairing_code_not_available": [
    "There is no code right now. Ask for a new code.", "Ahora mismo no hay código. Pide uno nuevo.", "Não há código neste momento. Peça um novo.",
  ],
  "errors.pairing_code_timeout": [
    "WhatsApp gave no code in time. Check the phone number, and ask for a new code in a minute.",
    "WhatsApp no dio un código a tiempo. Revisa el número de teléfono y pide otro código en un minuto.",
    "O WhatsApp não deu um código a tempo. Confira o número de telefone e peça outro código em um minuto.",
  ],
  "errors.qr_not_available": [
    "There is no QR code right now. Ask for a new one.", "Ahora mismo no hay código QR. Pide uno nuevo.", "Não há código QR neste momento. Peça um novo.",
  ],
  "errors.qr_timeout": [
    "WhatsApp gave no QR code in time. {again}", "WhatsApp no dio un código QR a tiempo. {again}", "O WhatsApp não deu um código QR a tempo. {again}",
  ],
  "errors.same_contact": [
    "A contact cannot be merged with itself. Choose another one.",
    "Un contacto no se puede unir consigo mismo. Elige otro.",
    "Um contato não pode ser unido a si mesmo. Escolha outro.",
  ],
  "errors.superseded": [
    "Something else was asked of this account since. Look how it is now, and ask again if you still want this.",
    "Desde entonces se le pidió otra cosa a esta cuenta. Mira cómo está ahora y pídelo de nuevo si aún lo quieres.",
    "Desde então, outra coisa foi pedida a esta conta. Veja como ela está agora e peça de novo se ainda quiser.",
  ],
  "errors.timeout": [
    "The server did not answer in time. Trying again will not send the message twice.",
    "El servidor no respondió a tiempo. Si intentas de nuevo, el mensaje no se enviará dos veces.",
    "O servidor não respondeu a tempo. Se você tentar de novo, a mensagem não será enviada duas vezes.",
  ],
  "errors.too_many_pending_sends": PENDING_SENDS,
  "sendFailures.library_error": ["WhatsApp did not take the message. Try again.", "WhatsApp no aceptó el mensaje. Intenta de nuevo.", "O WhatsApp não aceitou a mensagem. Tente de novo."],
  "sendFailures.new_chats_restricted": [
    "WhatsApp does not let this account write first for a while. Try again later; answers to people who wrote still go out.",
    "Por un tiempo, WhatsApp no deja que esta cuenta escriba primero. Intenta más tarde; las respuestas a quien escribió sí salen.",
    "Por um tempo, o WhatsApp não deixa esta conta escrever primeiro. Tente mais tarde; as respostas a quem escreveu continuam saindo.",
  ],
  "sendFailures.not_connected": [
    "The account was not online. Connect it in the settings, under “Numbers”, then try again.",
    "La cuenta no estaba conectada. Conéctala en los ajustes, en «Números», e intenta de nuevo.",
    "A conta não estava conectada. Conecte nas configurações, em “Números”, e tente de novo.",
  ],
  "sendFailures.not_on_whatsapp": [
    "This number does not use WhatsApp. Check the number.", "Este número no usa WhatsApp. Revisa el número.", "Este número não usa WhatsApp. Confira o número.",
  ],
  "sendFailures.refused_by_whatsapp": [
    "WhatsApp refused the message. Wait a while, then try again.",
    "WhatsApp rechazó el mensaje. Espera un rato e intenta de nuevo.",
    "O WhatsApp recusou a mensagem. Espere um pouco e tente de novo.",
  ],
  "sendFailures.timeout": ["WhatsApp did not answer in time. Try again.", "WhatsApp no respondió a tiempo. Intenta de nuevo.", "O WhatsApp não respondeu a tempo. Tente de novo."],
  "sendFailures.too_late": [
    "The message waited too long and was not sent. Try again if it is still true.",
    "El mensaje esperó demasiado y no se envió. Intenta de nuevo si aún es válido.",
    "A mensagem esperou tempo demais e não foi enviada. Tente de novo se ela ainda valer.",
  ],
  "sendFailures.too_many_messages": [
    "WhatsApp takes no more messages of this account for now. Try again later.",
    "Por ahora WhatsApp no acepta más mensajes de esta cuenta. Intenta más tarde.",
    "Por enquanto o WhatsApp não aceita mais mensagens desta conta. Tente mais tarde.",
  ],
  "sendFailures.too_many_pending_sends": PENDING_SENDS,
  "sendFailures.unconfirmed": [
    "It is not known whether the message was sent. Look at the phone before you send it again.",
    "No se sabe si el mensaje se envió. Mira el teléfono antes de enviarlo de nuevo.",
    "Não se sabe se a mensagem foi enviada. Olhe o telefone antes de enviar de novo.",
  ],
  "sendFailures.other": [
    "WhatsApp did not accept this message. Try again.", "WhatsApp no aceptó este mensaje. Intenta de nuevo.", "O WhatsApp não aceitou esta mensagem. Tente de novo.",
  ],
});
