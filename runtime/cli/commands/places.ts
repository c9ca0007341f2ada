import { counted } from "../../contract/counted.ts";
import { type CliContext, clientOf, wholeNumber } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { plain, print, printInfo, printJson, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";

/** `rates places`: finds ports and regions by part of a code or name; without a text, the ports with the most prices as origin. */
export function placesCommand({ program }: CliContext): void {
  examples(program.command("places"), "rates places rotterdam", "rates places CN --limit 50")
    .description("Find ports and regions by part of their code or name")
    .argument("[place]", "part of a code, slug or name (default: the ports with the most prices as origin)", "")
    .option("--limit <n>", "maximum number of places", wholeNumber, 20)
    .action(async (text: string, { limit }: { limit: number }, command) => {
      const { client, json } = clientOf(command);
      const search = new URLSearchParams({ text, limit: String(limit) });
      const { places } = await client.json<{ places: { code: string; name: string; kind: string }[] }>(
        "GET",
        `/places?${search}`,
      );
      if (json) return printJson(places);
      if (places.length === 0) return printInfo("No places match.");
      const rows = places.map(({ code, name, kind }) => [code, plain(name), kind]);
      print(table(["CODE", "NAME", "KIND"], rows, width(process.stdout), { keep: [0] }));
      if (places.length === limit)
        printInfo(
          `The first ${counted(limit, "place")}. \`rates places TEXT\` finds others; --limit N (at most 100) shows more.`,
        );
    });
}
