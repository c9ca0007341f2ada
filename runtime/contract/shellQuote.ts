/** Characters that no shell interprets in a word. */
const PLAIN_WORD = /^[\w./:@%+=,-]+$/;

/** Returns a text as one word of a POSIX shell, quoted only if it must be: for commands that people read. */
export const shellWord = (text: string): string => (PLAIN_WORD.test(text) ? text : quoteForShell(text));

/** Quotes a text as one word of a POSIX shell. */
export const quoteForShell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
