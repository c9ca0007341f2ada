import { type CliContext, clientOf, collect, whole } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { print, printJson, say } from "../lib/screen.ts";

/** What POST /redrive answers: dead letters by error class. */
interface Redriven {
  redriven: Record<string, number>;
  kept: Record<string, number>;
}

/** Commands for who keeps the platform going: redrive. */
export function operateCommands({ program }: CliContext): void {
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
