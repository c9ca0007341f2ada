import { registerHooks } from "node:module";
import { applyChange, CHANGES_ENV, moduleUrl, type SourceChange } from "./sourceChange.ts";

/** Preloaded with `node --import`: applies the changes of CHANGES_ENV to modules as they are loaded. */
const changes: SourceChange[] = JSON.parse(process.env[CHANGES_ENV] ?? "[]");
const byModule = Map.groupBy(changes, moduleUrl);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = byModule.get(url);
    if (own === undefined || !loaded.source) return loaded;
    return { ...loaded, source: own.reduce(applyChange, Buffer.from(loaded.source as Uint8Array).toString()) };
  },
});
