import type { ProseKind } from "./extract.ts";

/** A wording that the project avoids. */
export interface Phrase {
  /** The wording and its forms in lower case. They are found only between word boundaries. */
  find: readonly string[];
  /** Allowed wordings that contain the avoided one. */
  unless?: readonly string[];
  /** Better wording. */
  better: string;
  reason: string;
  /** Kinds of prose to check. @default all */
  kinds?: readonly ProseKind[];
}

const PERSON = "Components are not persons: name the component or use the passive.";
const TERM = "The field has a usual term.";
const PLAIN = "A plain wording is understood on first reading.";

/** Words with which no doc comment may begin, since they delay its subject. */
export const OPENERS = ["what", "how", "whether", "where", "who", "whose", "whom", "which", "why"];

/** All avoided wordings. */
export const PHRASES: readonly Phrase[] = [
  {
    find: ["whoever", "whomever", "nobody", "somebody", "anybody"],
    better: "name the caller, user or component",
    reason: PERSON,
  },
  { find: ["is told", "are told", "was told", "be told", "being told"], better: "receives", reason: PERSON },
  { find: ["knows of", "know of", "knew of"], unless: ["know of it"], better: "has, reads or lists", reason: PERSON },
  { find: ["unheard of", "a sign of life", "gives a sign"], better: "heartbeat", reason: TERM },
  { find: ["who asks", "who waits", "asked to be"], better: "callers", reason: PERSON },
  { find: ["he", "him", "his", "she", "her"], better: "they, or name the role", reason: PERSON },
  { find: ["stands in", "stand in", "stood in", "lies in", "lie in", "lay in"], better: "is in", reason: TERM },
  { find: ["stands there", "stand there", "stood there", "stands here"], better: "is there", reason: TERM },
  { find: ["has to", "have to", "had to", "having to"], better: "must", reason: TERM },
  { find: ["mend", "mends", "mended", "mending"], better: "fix", reason: TERM },
  { find: ["at work"], better: "busy or running", reason: TERM },
  { find: ["those there are", "that there are", "there are none"], better: "existing; no …", reason: PLAIN },
  {
    find: ["is no"],
    unless: ["there is no", "is no longer", "is no more than", "is no less than", "is no later", "is no earlier"],
    better: "is not a",
    reason: PLAIN,
  },
  { find: ["made up"], unless: ["made up of"], better: "generated", reason: TERM },
  { find: ["as where", "as when"], better: "for example when", reason: PLAIN },
  { find: ["told of in", "tells of"], better: "documented in", reason: TERM },
  { find: ["may work later", "may pass later"], better: "retryable", reason: TERM },
  { find: ["goes on", "go on", "went on", "going on"], better: "keeps running or continues", reason: TERM },
  { find: ["for good"], better: "permanently", reason: TERM },
  { find: ["in vain"], better: "without result", reason: PLAIN },
  { find: ["of old", "anew", "lest", "thereby", "therein", "whereof"], better: "a modern word", reason: PLAIN },
  { find: ["should that", "should it"], better: "if", reason: PLAIN, kinds: ["text", "page"] },
  { find: ["for want of"], better: "because of missing …", reason: PLAIN },
  { find: ["given up", "gives up", "give up", "gave up"], better: "abandoned, or stops after …", reason: TERM },
  { find: ["nobody knows", "not known who"], better: "unknown", reason: TERM },
  { find: ["once more"], better: "again", reason: PLAIN },
  { find: ["what it is", "what they are"], better: "name the thing", reason: PLAIN },
  { find: ["what holds", "what stands", "what is left"], better: "name the thing", reason: PLAIN },
  { find: ["problem(s)", "row(s)", "job(s)", "error(s)"], better: "plural by count", reason: PLAIN },
  { find: ["and has."], better: "a full sentence", reason: PLAIN, kinds: ["text"] },
];

/** Exact texts that may contain a phrase, by file, with the reason. */
export const EXCEPTIONS: readonly { file: string; text: string; reason: string }[] = [];

/** Path prefixes of files that are not checked, since others wrote them or they list the phrases. */
export const UNCHECKED = ["runtime/tools/prose/", "LICENSE", "docs/public-reports.md"];

/** Path prefixes of the files whose prose is checked. */
export const CHECKED: readonly string[] = [
  ...["docs/", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...["policy/", "infra/", "stacks/", "db/", ".ci/", "Pulumi."],
  ...["contract", "platform", "requests", "monitoring", "tracking"].map((folder) => `runtime/${folder}/`),
  ...["store", "queries", "runner", "simulation", "bench"].map((folder) => `runtime/${folder}/`),
  ...["attack", "cli", "tools", "testing", "local", "image", "clients"].map((folder) => `runtime/${folder}/`),
  ...["api", "dispatcher", "smoke"].map((folder) => `runtime/${folder}/`),
];
