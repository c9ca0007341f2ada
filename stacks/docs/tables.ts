/**
 * A page with its tables as the code makes them. Each stands between `<!-- name: begin -->` and `<!-- name: end -->`; a
 * page without such a pair is refused.
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

/** A page without what a formatter does to its tables: for comparing. */
export const unformatted = (page: string): string => page.replace(/ *\| */g, "|").replace(/-{3,}/g, "---");
