import { type CliContext, clientOf, whole } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { plain, print, printJson, say, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";

/** `rates places`: ports and regions by a part of their code or name; without one, those with the most prices. */
export function placesCommand({ program }: CliContext): void {
  examples(program.command("places"), "rates places rotterdam", "rates places CN --limit 50")
    .description("Find ports and regions by a part of their code or name")
    .argument("[place]", "part of a code, slug or name; left out, the ports with the most prices", "")
    .option("--limit <n>", "most places to show", whole, 20)
    .action(async (text: string, { limit }: { limit: number }, command) => {
      const { client, json } = clientOf(command);
      const search = new URLSearchParams({ text, limit: String(limit) });
      const { places } = await client.json<{ places: { code: string; name: string; kind: string }[] }>(
        "GET",
        `/places?${search}`,
      );
      if (json) return printJson(places);
      if (places.length === 0) return say("No place has this in its code or name.");
      const rows = places.map(({ code, name, kind }) => [code, plain(name), kind]);
      print(table(["CODE", "NAME", "KIND"], rows, width(process.stdout), { keep: [0] }));
    });
}
