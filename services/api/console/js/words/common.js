// Words of several pages.

import { addWords } from "../language.js";

addWords({
  "common.cancel": ["Cancel", "Cancelar", "Cancelar"],
  "common.close": ["Close", "Cerrar", "Fechar"],
  "common.save": ["Save", "Guardar", "Salvar"],
  "common.saved": ["Saved", "Guardado", "Salvo"],
  "common.delete": ["Delete", "Eliminar", "Excluir"],
  "common.remove": ["Remove", "Quitar", "Remover"],
  "common.edit": ["Edit", "Editar", "Editar"],
  "common.back": ["Back", "Volver", "Voltar"],
  "common.copy": ["Copy", "Copiar", "Copiar"],
  "common.copied": ["Copied", "Copiado", "Copiado"],
  "common.search": ["Search", "Buscar", "Buscar"],
  "common.clearSearch": ["Clear the search", "Borrar la búsqueda", "Limpar a busca"],
  "common.retry": ["Try again", "Intentar de nuevo", "Tentar de novo"],
  "common.discard": ["Discard", "Descartar", "Descartar"],
  "common.loading": ["Loading…", "Cargando…", "Carregando…"],
  "common.more": ["More", "Más", "Mais"],
  "common.yes": ["Yes", "Sí", "Sim"],
  "common.no": ["No", "No", "Não"],
  "common.today": ["Today", "Hoy", "Hoje"],
  "common.yesterday": ["Yesterday", "Ayer", "Ontem"],
  "common.unknownContact": ["Unknown contact", "Contacto desconocido", "Contato desconhecido"],
  "common.contactNumber": ["Contact {digits}", "Contacto {digits}", "Contato {digits}"],
  "common.required": ["Please fill this in.", "Completa este campo.", "Preencha este campo."],
  "common.you": ["You", "Tú", "Você"],
  "common.formerUser": ["Former user", "Usuario anterior", "Usuário anterior"],
});
