import type { Command } from "commander";
import { Client } from "../lib/apiClient.ts";
import { targetOf } from "../lib/connection.ts";
import { type CliContext, clientOf, type GlobalOptions } from "../lib/context.ts";
import { CommandError } from "../lib/exits.ts";
import { examples } from "../lib/help.ts";
import { PROFILE_NAME, type Profile, profileNamed, readProfiles, writeProfiles } from "../lib/profiles.ts";
import { plain, print, printInfo, printJson, width } from "../lib/screen.ts";
import { type ProviderDescription, signInByBrowser, signInByDevice } from "../lib/signIn.ts";
import { table } from "../lib/table.ts";
import { timeText } from "../lib/times.ts";
import { openBrowser } from "./dashboard.ts";

/** Response of GET /session. */
interface Session {
  kind: "token" | "session";
  name: string;
  tenant: string;
  scopes: string[];
  expiresAt?: string;
}

/** Commands for signing in: login, logout, whoami, and profile. */
export function loginCommands({ program, end }: CliContext): void {
  const login = program
    .command("login")
    .description("Sign in at the platform's identity provider, and store the session in a profile")
    .option("--device", "print a code to enter in a browser on any machine")
    .option("--no-browser", "print the address instead of opening a browser on this machine");
  examples(
    login,
    "rates login --stack dev",
    "rates login --api https://rates.example.com --profile prod --device",
    "rates login --api https://rates.example.com --token TOKEN --profile ci  # store a token",
  );
  login.action(async ({ device, browser }: { device?: boolean; browser: boolean }, command) => {
    const options = command.optsWithGlobals() as GlobalOptions;
    const { api, profile: requested } = targetOf(options);
    const name = requested ?? options.stack ?? defaultProfileName(api);
    if (!PROFILE_NAME.test(name))
      throw new CommandError("invalid", `--profile '${name}' must consist of at most 64 letters, digits and . _ -.`);
    const token = options.token;
    const client = new Client(api, undefined);
    const session =
      token === undefined
        ? await signIn(client, { device: device === true, browser })
        : { token, ...(await new Client(api, token).json<Session>("GET", "/session")) };
    if (session === undefined) return end("interrupted");
    const { tenant } = options;
    const profile: Profile = { api: client.base, token: session.token, ...(tenant === undefined ? {} : { tenant }) };
    if (session.expiresAt !== undefined) profile.expiresAt = session.expiresAt;
    const saved = readProfiles();
    writeProfiles({ ...saved, current: name, profiles: { ...saved.profiles, [name]: profile } });
    if (options.json) return printJson({ profile: name, api: client.base, ...withoutToken(session) });
    printInfo(
      `Signed in as ${plain(session.name)} for tenant ${session.tenant} (${session.scopes.join(", ")})${untilText(session)}.`,
    );
    printInfo(`The profile '${name}' is now in use; \`rates profile use NAME\` selects another.`);
  });

  examples(program.command("logout"), "rates logout", "rates logout --profile prod")
    .description("End the session of a profile and delete its token")
    .action(async (_flags: object, command) => {
      const options = command.optsWithGlobals() as GlobalOptions;
      const saved = readProfiles();
      const name = options.profile ?? saved.current;
      if (name === undefined)
        throw new CommandError("invalid", "Not signed in: no profile is in use. `rates login` signs in.");
      const { token, expiresAt: _, ...rest } = profileNamed(name, saved);
      // Delete the token even if its session has already ended or the platform is unreachable.
      if (token !== undefined)
        await new Client(rest.api, token).fetch("DELETE", "/session").catch((error) => {
          printInfo(`The session could not be ended: ${error.message}`);
        });
      writeProfiles({ ...saved, profiles: { ...saved.profiles, [name]: rest } });
      if (options.json) return printJson({ profile: name, signedOut: true });
      printInfo(`Signed out of ${rest.api}.`);
    });

  examples(program.command("whoami"), "rates whoami", "rates whoami --json")
    .description("Show your name, tenant, scopes and the session's expiry")
    .action(async (_flags: object, command) => {
      const { client, json } = clientOf(command);
      const session = await client.json<Session>("GET", "/session");
      if (json) return printJson({ api: client.base, ...session });
      print(`${plain(session.name)} for tenant ${session.tenant} (${session.scopes.join(", ")}) at ${client.base}`);
      printInfo(`Signed in with a ${session.kind}${untilText(session)}.`);
    });

  profileCommands(program);
}

function profileCommands(program: CliContext["program"]): void {
  const profile = examples(
    program.command("profile").description("Manage named platforms (`rates login` creates profiles)"),
    "rates profile list",
    "rates profile use prod",
    "rates list --profile dev",
  );
  examples(profile.command("list"), "rates profile list")
    .description("List profiles, without their tokens")
    .action((_flags: object, command) => {
      const { current, profiles } = readProfiles();
      const all = Object.entries(profiles).map(([name, settings]) => ({
        name,
        current: name === current,
        ...withoutToken(settings),
      }));
      if (command.optsWithGlobals().json) return printJson(all);
      if (all.length === 0) return printInfo("No profiles. `rates login` creates one.");
      const rows = all.map(({ current, name, api, tenant = "", expiresAt = "" }) => [
        current ? "*" : "",
        name,
        api,
        tenant,
        expiresAt,
      ]);
      print(table(["", "NAME", "API", "TENANT", "EXPIRES"], rows, width(process.stdout), { keep: [1] }));
    });
  examples(
    profile.command("use"),
    "rates profile use prod",
    "rates profile use --none   # the platform on this machine",
  )
    .description("Use a profile for commands that name no platform")
    .argument("[name]", "name of the profile")
    .option("--none", "use no profile, but the platform on this machine")
    .action((name: string | undefined, { none }: { none?: boolean }, command: Command) => {
      const { current: _, ...all } = readProfiles();
      if (none !== true) {
        if (name === undefined) throw new CommandError("invalid", "Name a profile, or give --none.");
        profileNamed(name, all);
      }
      const current = none === true ? undefined : name;
      writeProfiles(current === undefined ? all : { ...all, current });
      if (command.optsWithGlobals().json) return printJson({ profile: current ?? null });
      printInfo(
        current === undefined
          ? "No profile is in use: commands reach the platform on this machine."
          : `The profile '${current}' is now in use.`,
      );
    });
  examples(profile.command("remove"), "rates profile remove old")
    .description("Delete a profile and its token; its session stays open until it expires (`rates logout` ends it)")
    .argument("<name>", "name of the profile")
    .action((name: string, _flags: object, command: Command) => {
      const { current, ...all } = readProfiles();
      profileNamed(name, all);
      const { [name]: _, ...profiles } = all.profiles;
      writeProfiles({ ...all, profiles, ...(current === undefined || current === name ? {} : { current }) });
      if (command.optsWithGlobals().json) return printJson({ profile: name, removed: true });
      printInfo(`The profile '${name}' is deleted.`);
    });
}

/**
 * Signs in at the identity provider of a platform.
 * @returns undefined if interrupted
 */
async function signIn(
  client: Client,
  { device, browser }: { device: boolean; browser: boolean },
): Promise<(Session & { token: string }) | undefined> {
  const { oidc } = await client.json<{ oidc?: ProviderDescription }>("GET", "/login");
  if (oidc === undefined)
    throw new CommandError(
      "invalid",
      `${client.base} has no identity provider (api.signIn.oidc of its stack).\n\`rates login --token TOKEN\` stores a token; \`rates token create\` creates one.`,
    );
  const interrupted = new AbortController();
  const stop = () => interrupted.abort();
  process.once("SIGINT", stop);
  try {
    const dialogue = { print: printInfo, open: browser ? openBrowser : async () => undefined };
    const tokens = await (device ? signInByDevice : signInByBrowser)(oidc, dialogue, interrupted.signal);
    return await client.json("POST", "/session-tokens", tokens);
  } catch (error) {
    if (interrupted.signal.aborted) return undefined;
    throw error;
  } finally {
    process.off("SIGINT", stop);
  }
}

const withoutToken = <T extends { token?: string | undefined }>({ token: _, ...rest }: T) => rest;
const untilText = ({ expiresAt }: { expiresAt?: string }) =>
  expiresAt === undefined ? "" : ` until ${timeText(expiresAt)} UTC`;

/** Returns the default name of a profile: the API's host, or `local` for this machine and for IPv6 addresses. */
const defaultProfileName = (api: string): string => {
  const { hostname } = new URL(api);
  return /^(127\.|localhost$|\[)/.test(hostname) ? "local" : hostname;
};
