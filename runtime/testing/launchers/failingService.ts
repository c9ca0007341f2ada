import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The response of an AWS service to every request. */
interface FailingService {
  /** Name of the service in `AWS_ENDPOINT_URL_<SERVICE>`. */
  service: "EC2" | "GLUE";
  region: string;
  status: number;
  contentType: string;
  body: string;
}

/**
 * Runs an action whose new AWS clients call a service that fails.
 *
 * @returns The number of requests that the service received.
 */
export async function withFailingService(
  { service, region, status, contentType, body }: FailingService,
  action: () => Promise<void>,
): Promise<number> {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls++;
    response.writeHead(status, { "content-type": contentType }).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const env = {
    [`AWS_ENDPOINT_URL_${service}`]: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    await action();
    return calls;
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before);
    server.closeAllConnections();
    server.close();
  }
}
