import type { Command } from "commander";
import type { CliContext } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { print, printInfo, printJson, width } from "../lib/screen.ts";
import { table } from "../lib/table.ts";
import { flagsOf, readViews, removeView } from "../lib/views.ts";

/** Commands for the saved views of `rates list`. */
export function viewCommands({ program }: CliContext): void {
  const view = examples(
    program.command("view").description("List and delete saved views (`rates list --save-view NAME` saves one)"),
    "rates list --status failed --since 1d --save-view failures",
    "rates view list",
    "rates list --view failures",
  );
  examples(view.command("list"), "rates view list", "rates view list --json")
    .description("List saved views with their filters")
    .action((_flags: object, command: Command) => {
      const views = readViews();
      if (command.optsWithGlobals().json) return printJson(views);
      const rows = Object.entries(views).map(([name, saved]) => [name, flagsOf(saved)]);
      if (rows.length === 0) return printInfo("No views. `rates list --status failed --save-view NAME` saves one.");
      print(table(["NAME", "FILTER"], rows, width(process.stdout), { keep: [0] }));
    });
  examples(view.command("remove"), "rates view remove failures")
    .description("Delete a saved view")
    .argument("<name>", "name of the view")
    .action((name: string, _flags: object, command: Command) => {
      removeView(name);
      if (command.optsWithGlobals().json) return printJson({ view: name, removed: true });
      printInfo(`The view '${name}' is deleted.`);
    });
}
