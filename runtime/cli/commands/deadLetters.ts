import { counted } from "../../contract/counted.ts";
import type { DeadLetterCause } from "../../requests/deadLetterCauses.ts";
import type { DeadLetter, DeadLetterPage, RedriveOutcome } from "../../requests/deadLetters.ts";
import { confirm } from "../lib/confirm.ts";
import { type CliContext, clientOf, collect, wholeNumber } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { type Fields, jsonFields, printRecords } from "../lib/jsonFields.ts";
import { dim, plain, print, printInfo, printJson, width } from "../lib/screen.ts";
import { table, truncateToWidth } from "../lib/table.ts";
import { timeText } from "../lib/times.ts";

const LETTER_FIELDS: Fields<DeadLetter> = {
  id: (letter) => letter.messageId,
  type: (letter) => letter.type,
  reason: (letter) => letter.reason,
  failsAgain: (letter) => letter.failsAgain,
  redrivable: (letter) => letter.redrivable,
  sentAt: (letter) => letter.sentAt,
  firstReceivedAt: (letter) => letter.firstReceivedAt,
  receives: (letter) => letter.receives,
  sender: (letter) => letter.sender,
  body: (letter) => letter.body,
};

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, value) => total + value, 0);
const countText = (number: number) => counted(number, "dead letter");

/** Formats the causes as a table. */
const causesTable = (causes: readonly DeadLetterCause[]): string =>
  table(
    [
      "CAUSE",
      "COUNT",
      "REDRIVEN",
      "FAIL AGAIN",
      "FIRST SEEN (UTC)",
      "LAST SEEN (UTC)",
      "RECEIVES",
      "MOST FREQUENT REASON",
    ],
    causes.map(({ type, count, redrivable, failsAgain, firstSeenAt, lastSeenAt, receives, reasons }) => [
      type,
      count.toLocaleString("en"),
      redrivable ? "yes" : "no",
      failsAgain.toLocaleString("en"),
      timeText(firstSeenAt),
      timeText(lastSeenAt),
      String(receives),
      reasons[0]?.reason ?? "",
    ]),
    width(process.stdout),
    { keep: [0, 1, 2, 3], right: [1, 3, 6] },
  );

/** `rates dead-letters` and `rates redrive`. */
export function deadLetterCommands({ program }: CliContext): void {
  const list = examples(
    program.command("dead-letters"),
    "rates dead-letters   # causes, then each dead letter",
    "rates dead-letters --type UnreadableMessage",
    "rates dead-letters --json id,type,receives,body",
  );
  jsonFields(list, LETTER_FIELDS)
    .description("List messages that could not be accepted: by cause, then each with reason, time, receives and body")
    .option("--type <type>", "only this error type")
    .option("--text <text>", "only messages with this text in body, reason or sender")
    .option("--limit <n>", "maximum number to read (default 100)", wholeNumber)
    .action(async (flags: { type?: string; text?: string; limit?: number }, command) => {
      const { client, json } = clientOf(command);
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(flags)) search.set(name, String(value));
      const { letters, causes, total } = await client.json<DeadLetterPage>("GET", `/dead-letters?${search}`);
      if (json) return printRecords(command, LETTER_FIELDS, letters, letters);
      if (causes.length === 0) return printInfo("No dead letters.");
      print(causesTable(causes));
      for (const letter of letters) showLetter(letter);
      if (letters.length === 0) printInfo("No dead letter matches.");
      const inspected = causes.reduce((all, cause) => all + cause.count, 0);
      if (total > inspected)
        printInfo(`${inspected.toLocaleString("en")} of about ${countText(total)}: --limit shows more (at most 200).`);
      printInfo("`rates redrive --dry-run` shows what a redrive would do.");
    });

  examples(
    program.command("redrive"),
    "rates redrive --dry-run  # messages to redrive by cause, and those that would fail again",
    "rates redrive",
    "rates redrive --type UnreadableMessage --limit 10 --yes",
  )
    .description(
      "Return dead letters to the request queue: retryable ones, or those of --type or --id. Shows the effect and asks first",
    )
    .option("--type <type>", "an error type to redrive, for example ReceivedTooOften; repeatable", collect)
    .option("--id <messageId>", "a single dead letter; repeatable", collect)
    .option("--limit <n>", "maximum number to read (default 1000)", wholeNumber)
    .option("--dry-run", "only count")
    .option("--yes", "do not ask; required without a terminal")
    .action(
      async (flags: { type?: string[]; id?: string[]; limit?: number; dryRun?: boolean; yes?: boolean }, command) => {
        const { client, json } = clientOf(command);
        const { type: types, id: messageIds, limit, dryRun, yes } = flags;
        const body = {
          ...(types ? { types } : {}),
          ...(messageIds ? { messageIds } : {}),
          ...(limit === undefined ? {} : { limit }),
        };
        const preview = await client.json<RedriveOutcome>("POST", "/redrive", { ...body, dryRun: true });
        if (dryRun && json) return printJson(preview);
        if (!json) printPreview(preview);
        if (dryRun) return;
        const redrivenCount = sum(preview.redriven);
        if (redrivenCount > 0) await confirm(confirmationOf(preview, redrivenCount), yes);
        const response = redrivenCount > 0 ? await client.json<RedriveOutcome>("POST", "/redrive", body) : preview;
        if (json) return printJson(response);
        if (redrivenCount > 0) printRedriven(response);
      },
    );
}

function showLetter({ sentAt, type, redrivable, failsAgain, receives, messageId, reason, body }: DeadLetter): void {
  const columns = Math.max(20, Math.min(width(process.stdout), 500));
  print("");
  print(`${messageId}  ${plain(type)}  ${timeText(sentAt)}  received ${counted(receives, "time")}`);
  if (reason !== undefined) print(`  ${plain(reason)}`);
  if (failsAgain !== undefined) print(`  would fail again: ${failsAgain.type}: ${plain(failsAgain.reason)}`);
  else if (!redrivable) print(`  would be accepted now; \`rates redrive --id ${messageId}\` redrives it`);
  print(dim(`  ${truncateToWidth(plain(body), columns - 2)}`, process.stdout));
}

function printPreview({ causes, redriven, kept, looked, total }: RedriveOutcome): void {
  if (causes.length === 0) {
    printInfo("No dead letters.");
    return;
  }
  print(causesTable(causes));
  const [redrivenCount, keptCount] = [sum(redriven), sum(kept)];
  printInfo(`${countText(redrivenCount)} would be redriven, ${keptCount.toLocaleString("en")} kept.`);
  if (keptCount > 0)
    printInfo("The others are not selected or not retryable: fix their sender, or select a cause with --type.");
  if (total > looked)
    printInfo(`${looked.toLocaleString("en")} of about ${total.toLocaleString("en")} were read (--limit).`);
}

function confirmationOf({ causes }: RedriveOutcome, redrivenCount: number): string {
  const selected = causes.filter(({ redrivable }) => redrivable);
  const failing = selected.reduce((all, { failsAgain }) => all + failsAgain, 0);
  // With --id, a cause also counts letters that are kept, so the number is an upper bound.
  const isExact = selected.reduce((all, { count }) => all + count, 0) === redrivenCount;
  const them = `${isExact ? "" : "up to "}${Math.min(failing, redrivenCount).toLocaleString("en")} of them would`;
  const subject = redrivenCount > 1 ? them : isExact ? "it would" : "it may";
  const risk = failing === 0 ? "" : `; ${subject} fail again`;
  return `This returns ${countText(redrivenCount)} to the request queue${risk}`;
}

function printRedriven({ redriven, kept }: RedriveOutcome): void {
  for (const [type, count] of Object.entries(redriven)) printInfo(`${count.toLocaleString("en")} ${type} redriven.`);
  const keptCount = sum(kept);
  if (keptCount > 0) printInfo(`${countText(keptCount)} kept.`);
}
