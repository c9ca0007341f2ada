import { type CliContext, clientOf, collect, whole } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { plain, print, printJson, say, width } from "../lib/screen.ts";
import { cutTo } from "../lib/table.ts";

/** What POST /redrive answers: dead letters by error class. */
interface Redriven {
  redriven: Record<string, number>;
  kept: Record<string, number>;
}

/** What GET /dead-letters answers. */
interface Letter {
  messageId: string;
  type: string;
  reason?: string;
  redrivable: boolean;
  body: string;
  sentAt?: string;
  receives: number;
}

/** Commands for who keeps the platform going: dead-letters, redrive. */
export function operateCommands({ program }: CliContext): void {
  examples(
    program.command("dead-letters"),
    "rates dead-letters",
    "rates dead-letters --type UnreadableMessage",
    "rates dead-letters --json | jq -r '.[].body'",
  )
    .description("Look at messages that nobody could take in: reason, age, how often received, body")
    .option("--type <class>", "only those of an error class")
    .option("--text <text>", "only those with this in body, reason or sender")
    .option("--limit <n>", "look at so many at most (100)", whole)
    .action(async (flags: { type?: string; text?: string; limit?: number }, command) => {
      const { client, json } = clientOf(command);
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(flags)) search.set(name, String(value));
      const { letters } = await client.json<{ letters: Letter[] }>("GET", `/dead-letters?${search}`);
      if (json) return printJson(letters);
      if (letters.length === 0) return say("No dead letters.");
      for (const { type, reason, redrivable, body, sentAt = "", receives, messageId } of letters) {
        print(
          `${sentAt.slice(0, 19)}  ${plain(type)}${redrivable ? "" : " (would fail again)"}  received ${receives} times  ${messageId}`,
        );
        if (reason !== undefined) print(`  ${plain(reason)}`);
        print(`  ${cutTo(plain(body), Math.max(20, Math.min(width(process.stdout), 500) - 2))}`);
      }
      const back = letters.filter(({ redrivable }) => redrivable).length;
      say(
        `\`rates redrive\` would put ${back} of these ${letters.length} back into the request queue; \`--dry-run\` counts all.`,
      );
    });

  examples(
    program.command("redrive"),
    "rates redrive --dry-run   # what lies there, by error class, and what would be put back",
    "rates redrive",
    "rates redrive --type UnreadableMessage --limit 10",
  )
    .description("Put dead letters back into the request queue: those whose cause may have passed, or those of --type")
    .option("--type <class>", "an error class to put back, as ReceivedTooOften; again for another", collect)
    .option("--limit <n>", "look at so many at most (1000)", whole)
    .option("--dry-run", "only count")
    .action(async (flags: { type?: string[]; limit?: number; dryRun?: boolean }, command) => {
      const { client, json } = clientOf(command);
      const { type: types, limit, dryRun } = flags;
      const answer = await client.json<Redriven>("POST", "/redrive", {
        ...(types ? { types } : {}),
        ...(limit === undefined ? {} : { limit }),
        ...(dryRun ? { dryRun } : {}),
      });
      if (json) return printJson(answer);
      const tell = (what: string, counts: Record<string, number>) => {
        for (const [type, count] of Object.entries(counts)) print(`${what}  ${String(count).padStart(5)}  ${type}`);
      };
      tell(dryRun ? "would be put back" : "put back", answer.redriven);
      tell("left", answer.kept);
      if (Object.keys(answer.redriven).length + Object.keys(answer.kept).length === 0)
        say("There are no dead letters.");
      else if (Object.keys(answer.kept).length > 0)
        say("What is left would fail again: mend its sender, or name its class by --type.");
    });
}
