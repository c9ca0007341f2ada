/** Checked fields of an entry of package-lock.json. */
interface Entry {
  /** Real name of an aliased package. */
  name?: string;
  version?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  inBundle?: boolean;
  hasInstallScript?: boolean;
  engines?: { node?: string };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
/** package-lock.json. */
export interface Lock {
  lockfileVersion: number;
  packages: Record<string, Entry>;
}
/** package.json. */
export interface Manifest extends Entry {
  allowScripts?: Record<string, boolean>;
}

const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;
/**
 * Matches a version range of the registry. A Git reference, URL or folder would bypass the integrity check, and a tag
 * could change.
 */
const RANGE = /^[\^~]?\d+\.\d+\.\d+(?:-[\w.-]+)?$/;

/** Lists what makes a lock file unsafe to install from, one sentence per problem. */
export function lockProblems(lockfile: Lock, manifest: Manifest): string[] {
  const problems: string[] = [];
  const root = lockfile.packages[""] ?? {};
  if (lockfile.lockfileVersion !== 3) problems.push(`lockfileVersion is ${lockfile.lockfileVersion}, not 3.`);
  if (manifest.engines?.node !== ">=20" || root.engines?.node !== ">=20")
    problems.push('engines.node must be ">=20" in package.json and in the lock file.');
  for (const kind of ["dependencies", "devDependencies"] as const) {
    if (JSON.stringify(sortedEntries(manifest[kind])) !== JSON.stringify(sortedEntries(root[kind])))
      problems.push(`${kind} differ between package.json and the lock file: run npm install.`);
    for (const [name, range] of Object.entries(manifest[kind] ?? {}))
      if (!RANGE.test(range)) problems.push(`${name} is '${range}', not a range of versions of the registry.`);
  }
  for (const [path, entry] of Object.entries(lockfile.packages)) {
    if (path === "") continue;
    problems.push(...entryProblems(path, entry, manifest.allowScripts ?? {}));
    for (const name of Object.keys(entry.optionalDependencies ?? {}))
      if (!isLocked(lockfile, path, name))
        problems.push(`${name}, an optional package of ${path} for another platform, is missing: run npm install.`);
  }
  return problems;
}

function entryProblems(path: string, entry: Entry, allowScripts: Record<string, boolean>): string[] {
  const problems: string[] = [];
  const name = entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  if (entry.link || !path.startsWith("node_modules/")) problems.push(`${path} is a link to a folder.`);
  // The integrity of a package covers the packages bundled in it.
  else if (!entry.inBundle && !INTEGRITY.test(entry.integrity ?? ""))
    problems.push(`${path} has no SHA-512 integrity: npm view ${name}@${entry.version} dist.integrity`);
  if (!EXACT.test(entry.version ?? "")) problems.push(`${path} has no exact version.`);
  if (entry.resolved !== undefined)
    problems.push(`${path} has a download URL: run npm install with the repository's .npmrc.`);
  if (entry.hasInstallScript && allowScripts[name] === undefined)
    problems.push(`${path} has an install script that allowScripts of package.json neither allows nor forbids.`);
  return problems;
}

/** Returns true if Node resolves `name` from the package at `from`: in its folder or a parent folder. */
function isLocked(lockfile: Lock, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (lockfile.packages[folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
}

const sortedEntries = (names: Record<string, string> = {}) =>
  Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1));

/** Lists images of a Dockerfile or compose file that are not pinned by digest, except stages and images built here. */
export function imageProblems(text: string): string[] {
  const lines = text.split("\n");
  const stages = new Set(lines.flatMap((line) => /^FROM\s.*\sAS\s+(\S+)/i.exec(line)?.[1] ?? []));
  // A build argument whose default is a stage also names that stage.
  for (const line of lines) {
    const [, name = "", value = ""] = /^ARG (\w+)=(\S+)/.exec(line) ?? [];
    if (stages.has(value)) stages.add(`\${${name}}`);
  }
  return lines.flatMap((line, index) => {
    const [, from] = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(line) ?? [];
    const [, image] = /^\s*image:\s*["']?([^\s"'#]+)/.exec(line) ?? [];
    const name = from ?? image;
    if (name === undefined || stages.has(name) || /^rates-platform(-local)?$/.test(name)) return [];
    return /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/.test(name)
      ? []
      : [`line ${index + 1}: ${name} must be NAME:TAG@sha256:DIGEST (docker buildx imagetools inspect NAME:TAG).`];
  });
}

/** Lists actions of a workflow that lack a pinned commit, or a comment with their version. */
export function actionProblems(text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const [, action, comment = ""] = /^\s*(?:-\s+)?["']?uses["']?\s*:\s*["']?([^\s"'#]+)["']?\s*(.*)$/.exec(line) ?? [];
    if (action === undefined || action.startsWith("./")) return [];
    return /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(action) && /^# v\d+\.\d+\.\d+$/.test(comment.trim())
      ? []
      : [`line ${index + 1}: ${action} must be OWNER/NAME@COMMIT # vX.Y.Z.`];
  });
}
