import { randomBytes } from "node:crypto";
import { sha256, verifySignature } from "../../local/aws/signature.ts";

export const REGION = "eu-central-1";
export const ACCOUNT = "111111111111";

/** A statement of an IAM policy, as far as logging in goes. */
export interface PolicyStatement {
  readonly Effect?: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
}

/** A principal with temporary credentials and a policy, like a Lambda function or a task. */
export interface Identity {
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** May be replaced, as a deployment does. */
  statements: readonly PolicyStatement[];
  /** Environment by which the AWS SDKs find the credentials. */
  readonly env: Record<string, string>;
}

export type AccessKey = Pick<Identity, "accessKeyId" | "secretAccessKey">;

const newKey = (): AccessKey => ({
  accessKeyId: `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString("base64url"),
});

/** Requirements of a token. */
export interface TokenFor {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly resourceId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** IAM tokens live 15 minutes (Amazon RDS User Guide, IAM database authentication). */
const MAX_TOKEN_SECONDS = 900;

/** The identities of an account, and what their signatures allow. */
export class Identities {
  readonly #byKey = new Map<string, Identity>();

  /** @param key an access key that other stand-ins know too; a generated one by default */
  create(name: string, statements: readonly PolicyStatement[], key: AccessKey = newKey()): Identity {
    const identity: Identity = {
      name,
      accessKeyId: key.accessKeyId,
      secretAccessKey: key.secretAccessKey,
      sessionToken: randomBytes(300).toString("base64url"),
      statements,
      get env() {
        return {
          AWS_ACCESS_KEY_ID: identity.accessKeyId,
          AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
          AWS_SESSION_TOKEN: identity.sessionToken,
          AWS_REGION: REGION,
          AWS_DEFAULT_REGION: REGION,
        };
      },
    };
    this.#byKey.set(identity.accessKeyId, identity);
    return identity;
  }

  find(accessKeyId: string): Identity | undefined {
    return this.#byKey.get(accessKeyId);
  }

  /**
   * Checks an IAM token as RDS does: signed by an identity of this account within the last 15 minutes, for this host, port
   * and user, and allowed by the identity's policy for this instance.
   * @throws Error with the reason, which RDS does not tell the client
   */
  verifyToken(token: string, { host, port, user, resourceId, now }: TokenFor): Identity {
    const address = `${host}:${port}/`;
    if (!token.startsWith(`${address}?`)) throw new Error(`the password is not a token for ${address}`);
    const url = token.slice(address.length - 1);
    const query = new URLSearchParams(url.slice(2));
    if (query.get("Action") !== "connect") throw new Error("the token is not for connecting");
    if (query.get("DBUser") !== user) throw new Error(`the token is for the user ${query.get("DBUser")}`);
    if (!(Number(query.get("X-Amz-Expires")) <= MAX_TOKEN_SECONDS)) throw new Error("the token lives too long");
    const [accessKeyId = "", , region] = query.get("X-Amz-Credential")?.split("/") ?? [];
    if (region !== REGION) throw new Error(`the token is for the Region ${region}`);
    const identity = this.find(accessKeyId);
    if (!identity) throw new Error("the token is of an unknown identity");
    if (query.get("X-Amz-Security-Token") !== identity.sessionToken) throw new Error("the session token is another");
    verifySignature(
      { method: "GET", url, headers: { host: address.slice(0, -1) } },
      { services: ["rds-db"], find: () => this.#principal(identity), bodyHash: sha256(""), now },
    );
    const resource = `arn:aws:rds-db:${REGION}:${ACCOUNT}:dbuser:${resourceId}/${user}`;
    if (!allows(identity, "rds-db:connect", resource))
      throw new Error(`${identity.name} may not rds-db:connect to ${resource}`);
    return identity;
  }

  /**
   * Checks the signature of a request to a service, and that the identity's policy allows the action.
   * @throws Error with the reason
   */
  authorise(
    request: Parameters<typeof verifySignature>[0],
    { service, body, action, resource }: { service: string; body: string; action: string; resource: string },
  ): Identity {
    const principal = verifySignature(request, {
      services: [service],
      find: (key) => {
        const identity = this.find(key);
        return identity && this.#principal(identity);
      },
      bodyHash: sha256(body),
    });
    const identity = this.find(principal.accessKeyId);
    if (!identity || !allows(identity, action, resource))
      throw new Error(`${principal.profile} may not ${action} ${resource}`);
    return identity;
  }

  #principal({ name, accessKeyId, secretAccessKey }: Identity) {
    return { profile: name, accessKeyId, secretAccessKey, senderId: name };
  }
}

const allows = ({ statements }: Identity, action: string, resource: string): boolean =>
  statements.some(
    ({ Effect = "Allow", Action, Resource }) =>
      Effect === "Allow" &&
      Action.some((pattern) => matches(pattern, action)) &&
      Resource.some((pattern) => matches(pattern, resource)),
  );

/** IAM's wildcard: `*` stands for any text. */
function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
