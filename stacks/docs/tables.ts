/**
 * Inserts generated tables into a page, between `<!-- name: begin -->` and `<!-- name: end -->`.
 *
 * @throws if a page has no such pair
 */
export function fillTables(page: string, tables: Readonly<Record<string, () => string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
    const before = text.split(begin)[0];
    const after = text.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`The page lacks ${begin} or ${end}`);
    return `${before}${begin}\n\n${table()}\n\n${end}${after}`;
  }, page);
}

/** Removes a formatter's changes from a page's tables, for comparison. */
export const unformatted = (page: string): string => page.replace(/ *\| */g, "|").replace(/-{3,}/g, "---");
