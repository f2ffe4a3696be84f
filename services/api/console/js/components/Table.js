// A table; on phones each row is a card with the titles of its columns.

import { html } from "../rendering.js";

/** The roles are written because browsers take them from a table that is displayed as cards. `columns`: [{key, title, render(row), align?: "end" or "center", nowrap?}]; `onRowHref(row)`: address that the first column leads to. */
export function Table({ label, columns, rows, keyOf, onRowHref = null }) {
  const cell = (column, row, at) => {
    const content = column.render(row);
    return at === 0 && onRowHref ? html`<a href=${onRowHref(row)}>${content}</a>` : content;
  };
  return html`
    <div class="table-scroller" tabindex="0" role="region" aria-label=${label}>
      <table class="table" role="table">
        <thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th key=${column.key} scope="col" role="columnheader" class=${column.align ?? ""}>${column.title}</th>`)}</tr></thead>
        <tbody role="rowgroup">
          ${rows.map((row) => html`
            <tr key=${keyOf(row)} role="row">${columns.map((column, at) => html`<td key=${column.key} role="cell" data-title=${column.title} class=${`${column.align ?? ""} ${column.nowrap ? "nowrap" : ""}`}>${cell(column, row, at)}</td>`)}</tr>
          `)}
        </tbody>
      </table>
    </div>
  `;
}
