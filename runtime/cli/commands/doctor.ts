import type { Command } from "commander";
import { connect } from "../lib/connection.ts";
import type { CliContext, GlobalOptions } from "../lib/context.ts";
import type { Check } from "../lib/doctor.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { print, printJson, width } from "../lib/screen.ts";

/** `rates doctor`: checks this machine and a platform, and shows a remedy for each failure. Changes nothing. */
export function doctorCommand({ program, end }: CliContext): void {
  examples(
    program.command("doctor"),
    "rates doctor   # this machine, and the platform on it",
    "rates doctor --stack prod   # pulumi, credentials, account and quotas too",
    "rates doctor --json | jq -r '.checks[] | select(.outcome == \"failed\").remedy'",
  )
    .description("Check versions, the platform, the token and the clock; with --stack also credentials and quotas")
    .action(async (_flags: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { checksText, countOf } = await import("../lib/doctor.ts");
      const checks = await allChecks(options);
      if (countOf(checks, "failed") > 0) end("failed");
      if (options.json) printJson({ healthy: countOf(checks, "failed") === 0, checks });
      else print(checksText(checks, width(process.stdout)));
    });
}

async function allChecks(options: GlobalOptions): Promise<Check[]> {
  const { commandCheck, ownNodeCheck } = await import("../lib/doctorMachine.ts");
  const machine = [ownNodeCheck(), commandCheck("node"), commandCheck("npm")];
  const { stack } = options;
  if (stack === undefined) return [...machine, ...(await checkPlatform(options))];
  const [account, platform] = await Promise.all([stackChecks(stack), checkPlatform(options)]);
  return [...machine, commandCheck("pulumi"), ...account, ...platform];
}

/** Checks the platform. Without a usable address or token, returns a single check that is skipped or failed. */
async function checkPlatform(options: GlobalOptions): Promise<Check[]> {
  const { failed, skipped } = await import("../lib/doctor.ts");
  const { platformChecks } = await import("../lib/doctorPlatform.ts");
  try {
    return await platformChecks(connect(options), await unreachableRemedy(options));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const [finding = "", remedy = "Give --api and --token, or --stack and --token."] = error.message.split("\n");
    return [error.exit === "invalid" ? skipped("platform", finding, remedy) : failed("platform", finding, remedy)];
  }
}

/** Returns the remedy if a stack's API is unreachable; undefined for the platform on this machine or --api. */
async function unreachableRemedy({ stack }: GlobalOptions): Promise<string | undefined> {
  if (stack === undefined) return undefined;
  const { stackOutputs } = await import("../lib/stackOutputs.ts");
  const { loadBalancer } = stackOutputs(stack);
  const dnsHint = loadBalancer === undefined ? "" : ` The API's domain must resolve to ${loadBalancer}.`;
  return `From outside its network: \`rates connect --stack ${stack}\`, or name your network in api.allowedCidrs.${dnsHint}`;
}

/** Checks the stack's file, its capacity plan and its account. */
async function stackChecks(stack: string): Promise<Check[]> {
  const [{ runChecks, failed, passed }, { plannedStack, stacksOf }, { awsChecks }] = await Promise.all([
    import("../lib/doctor.ts"),
    import("../lib/stackFile.ts"),
    import("../lib/doctorAws.ts"),
  ]);
  try {
    const { config, plan } = plannedStack(stack);
    const { total, usable } = plan.database;
    return [
      passed(
        "capacity",
        `fits its quotas, with ${total} of ${usable} connections; \`rates capacity --stack ${stack}\` shows details`,
      ),
      ...(await runChecks("AWS account", "Try again. If it continues, see AWS's status page.", () =>
        awsChecks(stack, config),
      )),
    ];
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [
      failed(
        "capacity",
        error.message,
        stacksOf().includes(stack)
          ? `Change Pulumi.${stack}.yaml as described; stacks/README.md documents every key.`
          : "Give --stack the NAME of a file Pulumi.NAME.yaml in a clone of the repository.",
      ),
    ];
  }
}
