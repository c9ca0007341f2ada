import { registerHooks } from "node:module";
import { applyChange, CHANGES_ENV, moduleUrl, type SourceChange } from "./sourceChange.ts";

/** Preloaded with `node --import`: applies the changes in CHANGES_ENV to modules when they are loaded. */
const changes: SourceChange[] = JSON.parse(process.env[CHANGES_ENV] ?? "[]");
const byModule = Map.groupBy(changes, moduleUrl);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const changesOfModule = byModule.get(url);
    if (changesOfModule === undefined || !loaded.source) return loaded;
    return {
      ...loaded,
      source: changesOfModule.reduce(applyChange, Buffer.from(loaded.source as Uint8Array).toString()),
    };
  },
});
