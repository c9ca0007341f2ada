import type { DiagnosticEvent, EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import type { Properties } from "./provider/values.ts";

/** One step of a run: an operation on one resource. */
export interface Step {
  /** create, update, delete, replace, same, read, create-replacement, delete-replaced, refresh, … */
  readonly op: string;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** The provider's reference, empty for components. */
  readonly provider: string;
  /** Inputs, with unknown values as UNKNOWN and secrets as "[secret]". */
  readonly inputs: Properties;
  readonly outputs: Properties;
  /** Paths of the properties that change. */
  readonly changed: readonly string[];
  /** Paths of the changed properties that require a replacement. */
  readonly replaces: readonly string[];
}

/** A finding of a policy. */
export interface Finding {
  readonly pack: string;
  readonly policy: string;
  readonly level: "warning" | "mandatory";
  readonly message: string;
  readonly urn: string | undefined;
}

/** A message of the engine or a provider. */
export interface Diagnostic {
  readonly severity: "info" | "info#err" | "warning" | "error";
  readonly message: string;
  readonly urn: string | undefined;
}

/** Result of a preview, an up, a refresh or a destroy. */
export interface Run {
  /** Steps in the engine's order, including those of unchanged resources. */
  readonly steps: readonly Step[];
  /** Number of steps by operation, from the engine's summary. */
  readonly changes: Readonly<Record<string, number>>;
  /** Versions of the policy packs that the engine ran, by name. */
  readonly packs: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
  readonly diagnostics: readonly Diagnostic[];
  /** Duration of the command in milliseconds. */
  readonly ms: number;
}

/** Error of a failed run. Its message lists every error and every mandatory violation. */
export class RunFailed extends Error {
  readonly run: Run;

  constructor(operation: string, run: Run, cause: unknown) {
    const errors = run.diagnostics
      .filter(({ severity }) => severity === "error")
      .map(({ message }) => message.replace(/^ +at .*\n?/gm, ""));
    const violations = run.findings
      .filter(({ level }) => level === "mandatory")
      .map(({ policy, message }) => `[${policy}] ${message}`);
    const reasons = [...new Set([...errors, ...violations])].filter((text) => !/^(preview|update) failed$/.test(text));
    const outputLines = reasons.map((text) => `  ${text.trim()}`);
    super([`${operation} failed:`, ...(outputLines.length > 0 ? outputLines : [`  ${String(cause)}`])].join("\n"), {
      cause,
    });
    this.name = "RunFailed";
    this.run = run;
  }
}

/** Builds a run from the engine's events. */
export function runOf(events: readonly EngineEvent[], ms: number): Run {
  const steps = new Map<string, Step>();
  const findings: Finding[] = [];
  const diagnostics: Diagnostic[] = [];
  let changes: Readonly<Record<string, number>> = {};
  let packs: Readonly<Record<string, string>> = {};
  for (const { resourcePreEvent, resOutputsEvent, policyEvent, diagnosticEvent, summaryEvent } of events) {
    const metadata = resOutputsEvent?.metadata ?? resourcePreEvent?.metadata;
    if (metadata !== undefined) steps.set(`${metadata.op} ${metadata.urn}`, stepOf(metadata));
    if (policyEvent !== undefined) {
      const { policyPackName, policyName, enforcementLevel, message, resourceUrn } = policyEvent;
      const text = withoutColour(message);
      findings.push({
        pack: policyPackName,
        policy: policyName,
        level: enforcementLevel,
        message: text,
        urn: resourceUrn,
      });
    }
    const diagnostic = diagnosticEvent && diagnosticOf(diagnosticEvent);
    if (diagnostic !== undefined) diagnostics.push(diagnostic);
    if (summaryEvent === undefined) continue;
    changes = summaryEvent.resourceChanges as Readonly<Record<string, number>>;
    // The key begins with a lower-case letter in the SDK's type, but with an upper-case letter in the engine's event.
    packs = (summaryEvent as { PolicyPacks?: Readonly<Record<string, string>> }).PolicyPacks ?? {};
  }
  return { steps: [...steps.values()], changes, packs, findings, diagnostics, ms };
}

function stepOf(metadata: StepEventMetadata): Step {
  const state = metadata.new ?? metadata.old;
  const details = Object.entries(metadata.detailedDiff ?? {});
  return {
    op: metadata.op,
    type: metadata.type,
    name: metadata.urn.replace(/^.*::/, ""),
    urn: metadata.urn,
    provider: metadata.provider,
    inputs: state?.inputs ?? {},
    outputs: state?.outputs ?? {},
    changed: metadata.diffs ?? details.map(([path]) => path),
    replaces: metadata.keys ?? [],
  };
}

/** Converts a message. Returns undefined for debug output, ephemeral messages, and notices of plugins found on PATH. */
function diagnosticOf({ severity, message, urn, ephemeral }: DiagnosticEvent): Diagnostic | undefined {
  // The SDK's type lacks "debug", which the Automation API requests from the engine.
  const isNoise =
    ephemeral === true || (severity as string) === "debug" || /^using pulumi-\S+ from \$PATH/.test(message);
  return isNoise ? undefined : { severity, message: withoutColour(message).trim(), urn: urn === "" ? undefined : urn };
}

/** Removes the engine's colour markers from a message. */
function withoutColour(message: string): string {
  return message.replace(/<\{%[^%]*%\}>/g, "");
}
