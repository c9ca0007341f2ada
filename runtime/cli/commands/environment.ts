import { quoteForShell } from "../../contract/shellQuote.ts";
import { type Connection, localCredentials, localPlatform, noPlatformError } from "../lib/connection.ts";
import type { CliContext, GlobalOptions } from "../lib/context.ts";
import { examples } from "../lib/help.ts";
import { print, printJson } from "../lib/screen.ts";
import { stackOutputs } from "../lib/stackOutputs.ts";

/** `rates env`: prints shell variables that connect a service and AWS's SDKs to a platform. */
export function environmentCommand({ program }: CliContext): void {
  const env = program
    .command("env")
    .description("Print queues, buckets and the API's address as shell variables for AWS's SDKs");
  examples(env, "rates env", "rates env --json");
  env.action((_flags: object, command) => {
    const { json, ...connection } = command.optsWithGlobals() as GlobalOptions;
    const variables = environmentOf(connection);
    if (json) return printJson(variables);
    print(
      Object.entries(variables)
        .map(([name, value]) => `export ${name}=${quoteForShell(value)}`)
        .join("\n"),
    );
  });
}

/**
 * Returns the variables by name. For a deployed stack they contain no credentials and no token: callers use their own.
 * For the platform on this machine they contain the local token and the credentials of its emulator of SQS and S3.
 * @throws CommandError if the stack's outputs cannot be read, or no platform runs on this machine
 */
export function environmentOf({ stack, dataDir }: Connection): Record<string, string> {
  if (stack !== undefined) {
    const outputs = stackOutputs(stack);
    const { loadBalancer } = outputs;
    return {
      ...commonVariables(outputs),
      ...(loadBalancer === undefined ? {} : { RATES_LOAD_BALANCER: loadBalancer }),
      AWS_REGION: outputs.region,
      AWS_DEFAULT_REGION: outputs.region,
    };
  }
  const platform = localPlatform(dataDir);
  if (platform === undefined) throw noPlatformError(dataDir);
  const { accessKeyId, secretAccessKey } = localCredentials(dataDir);
  return {
    ...commonVariables(platform),
    RATES_TOKEN: platform.token,
    AWS_ENDPOINT_URL_SQS: platform.sqsEndpoint,
    AWS_ENDPOINT_URL_S3: platform.s3Endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: platform.region,
    AWS_DEFAULT_REGION: platform.region,
  };
}

const commonVariables = (
  outputs: Record<"api" | "requestQueueUrl" | "responseQueueUrl" | "resultsBucket" | "uploadsBucket", string>,
) => ({
  RATES_API: outputs.api,
  REQUEST_QUEUE_URL: outputs.requestQueueUrl,
  RESPONSE_QUEUE_URL: outputs.responseQueueUrl,
  RESULTS_BUCKET: outputs.resultsBucket,
  UPLOADS_BUCKET: outputs.uploadsBucket,
});
