/** px. */
export interface GridSize {
  minColumn: number;
  gap: number;
  /** Height of a row for a column of this width. */
  rowHeight: (column: number) => number;
}

export interface GridWindow {
  columns: number;
  rowHeight: number;
  /** Rows to draw: from `first` up to, not including, `last`. */
  first: number;
  last: number;
  height: number;
}

/** Rows drawn above and below what is in view, so that a flick of the wheel meets no hole. */
const SPARE_ROWS = 2;

/** @param top of the grid in the window, px; negative once it has scrolled past */
export function gridWindow(count: number, width: number, top: number, viewHeight: number, size: GridSize): GridWindow {
  const columns = Math.max(1, Math.floor((width + size.gap) / (size.minColumn + size.gap)));
  const column = (width - size.gap * (columns - 1)) / columns;
  const rowHeight = Math.round(size.rowHeight(column)) + size.gap;
  const rows = Math.ceil(count / columns);
  const first = Math.min(rows, Math.max(0, Math.floor(-top / rowHeight) - SPARE_ROWS));
  const last = Math.max(first, Math.min(rows, Math.ceil((viewHeight - top) / rowHeight) + SPARE_ROWS));
  return { columns, rowHeight, first, last, height: rows * rowHeight };
}
