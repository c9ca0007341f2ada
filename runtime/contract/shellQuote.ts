/** Words that neither a POSIX shell nor zsh interprets. zsh replaces `=name` by the path of a command. */
const PLAIN_WORD = /^[\w./:@%+,-][\w./:@%+=,-]*$/;

/** Returns a text as one word of a POSIX shell, quoted only if it must be: for commands that people read. */
export const shellWord = (text: string): string => (PLAIN_WORD.test(text) ? text : quoteForShell(text));

/** Quotes a text as one word of a POSIX shell. */
export const quoteForShell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
