import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority } from "./certificates.ts";
import { ACCOUNT, type AccessKey, Identities, type Identity, type PolicyStatement, REGION } from "./identities.ts";
import { Instance } from "./instance.ts";
import { TlsProxy } from "./tlsProxy.ts";

/** The name that the program gives its master (infra/database.ts). */
export const MASTER = "postgres";
export const DATABASE = "rates";
/** Clients resolve it to 127.0.0.1, and verify it in the certificate as they verify an instance's address. */
const HOST = "localhost";

/**
 * A stand-in for RDS in one account, for tests: real Postgres servers, each with a master that is not a superuser,
 * behind an address that speaks TLS with a generated authority's certificate and admits the members of rds_iam by
 * signed token only; and a Secrets Manager with the masters' passwords. The AWS SDKs sign tokens with credentials of
 * `identity`, and they are checked as RDS checks them.
 */
export class Rds {
  /** File with the certificate of the authority that signed the instances' certificates: DATABASE_CA. */
  readonly caFile: string;
  /** Reasons of refused logins by token, which RDS does not report. */
  readonly refusals: string[] = [];
  /** The time at which tokens are checked. Milliseconds since 1970. */
  now: () => number = Date.now;
  readonly #directory: string;
  readonly #authority: Authority;
  readonly #identities = new Identities();
  readonly #instances = new Map<string, { instance: Instance; secret: Secret }>();
  readonly #proxies = new Map<string, TlsProxy>();
  readonly #secrets: Server;

  private constructor(directory: string, secrets: Server) {
    this.#directory = directory;
    this.#secrets = secrets;
    this.#authority = createAuthority("Rates stand-in for RDS Root CA");
    this.caFile = join(directory, "rds-ca.pem");
    writeFileSync(this.caFile, this.#authority.certificate);
  }

  static async start(): Promise<Rds> {
    const secrets = createServer();
    const rds = new Rds(mkdtempSync(join(tmpdir(), "rates-rds-")), secrets);
    secrets.on("request", (request, response) => void rds.#answer(request, response));
    secrets.listen(0, "127.0.0.1");
    await once(secrets, "listening");
    return rds;
  }

  /** A principal with temporary credentials and these rights. */
  identity(name: string, statements: readonly PolicyStatement[], key?: AccessKey): Identity {
    return this.#identities.create(name, statements, key);
  }

  /** Creates an instance with a master whose password RDS manages. */
  async createInstance(identifier: string, { maxConnections = 60, iam = true } = {}): Promise<void> {
    const secret = newSecret();
    const instance = await Instance.create({
      directory: join(this.#directory, identifier),
      master: MASTER,
      database: DATABASE,
      authority: this.#authority,
      maxConnections,
      iam,
      password: secret.password,
    });
    await this.#add(identifier, instance, secret);
  }

  /**
   * Restores an instance beside its source, with the source's current data and a new resource id. The master keeps the
   * password that it had at that time, but no secret is managed for it. `iam` must be given: RDS does not copy it from
   * the source.
   */
  async restore(source: string, target: string, { iam = false } = {}): Promise<void> {
    const { instance: from, secret } = this.#instance(source);
    await from.stop();
    const instance = await Instance.copy(from, { directory: join(this.#directory, target), iam });
    await from.start();
    await this.#add(target, instance, { arn: "", password: secret.password });
  }

  /** Renames an instance: its address changes with its name, and its sessions end. */
  rename(from: string, to: string): void {
    const held = this.#instance(from);
    if (this.#instances.has(to)) throw new Error(`DBInstanceAlreadyExists: ${to}`);
    this.#instances.delete(from);
    this.#instances.set(to, held);
    const proxy = this.#proxy(from);
    proxy.disconnect();
    proxy.upstream = undefined;
    const own = this.#proxies.get(to);
    if (own) own.upstream = this.#upstream(held.instance, own.port);
  }

  /** Lets RDS manage the master's password: creates a new one in a new secret. */
  async manageMasterPassword(identifier: string): Promise<void> {
    const held = this.#instance(identifier);
    held.secret = newSecret();
    await held.instance.setMasterPassword(held.secret.password);
  }

  /** ARN of the secret with the master's user and password, as RDS writes it. */
  masterSecretArn(identifier: string): string {
    return this.#instance(identifier).secret.arn;
  }

  resourceId(identifier: string): string {
    return this.#instance(identifier).instance.resourceId;
  }

  /** The instance behind an identifier, for what only RDS itself can do or see. */
  instance(identifier: string): Instance {
    return this.#instance(identifier).instance;
  }

  /** Environment of a part that reaches the database as it does in the cloud, and the stand-in for Secrets Manager. */
  env(identifier: string): Record<string, string> {
    const address = this.#secrets.address();
    if (address === null || typeof address === "string") throw new Error("a TCP address was expected");
    return {
      DATABASE_HOST: HOST,
      DATABASE_PORT: String(this.#proxy(identifier).port),
      DATABASE_NAME: DATABASE,
      DATABASE_AUTH: "iam",
      DATABASE_CA: this.caFile,
      MASTER_SECRET_ARN: this.masterSecretArn(identifier),
      AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${address.port}`,
    };
  }

  /** The master's name and password at this time, which only RDS and Secrets Manager have. */
  masterLogin(identifier: string): { user: string; password: string } {
    return { user: MASTER, password: this.#instance(identifier).secret.password };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await Promise.all([...this.#instances.values()].map(({ instance }) => instance.stop()));
    this.#secrets.close();
    this.#secrets.closeAllConnections();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #add(identifier: string, instance: Instance, secret: Secret): Promise<void> {
    this.#instances.set(identifier, { instance, secret });
    const proxy = await TlsProxy.listen(this.#authority.issue(HOST, [HOST]));
    proxy.upstream = this.#upstream(instance, proxy.port);
    this.#proxies.set(identifier, proxy);
  }

  #upstream(instance: Instance, proxyPort: number): NonNullable<TlsProxy["upstream"]> {
    const { resourceId } = instance;
    return {
      get port() {
        return instance.port;
      },
      client: instance.client,
      ca: this.#authority.certificate,
      needsToken: (user) => instance.needsToken(user),
      verify: (token, user) => {
        try {
          if (!instance.options.iam) throw new Error("IAM database authentication is not enabled");
          this.#identities.verifyToken(token, { host: HOST, port: proxyPort, user, resourceId, now: this.now() });
        } catch (error) {
          this.refusals.push(error instanceof Error ? error.message : String(error));
          throw error;
        }
      },
    };
  }

  #instance(identifier: string): { instance: Instance; secret: Secret } {
    const held = this.#instances.get(identifier);
    if (!held) throw new Error(`DBInstanceNotFound: ${identifier}`);
    return held;
  }

  #proxy(identifier: string): TlsProxy {
    const proxy = this.#proxies.get(identifier);
    if (!proxy) throw new Error(`no instance has had the name ${identifier}`);
    return proxy;
  }

  /** Answers GetSecretValue for identities that may read the secret. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    try {
      const body = Buffer.concat(await request.toArray()).toString();
      if (request.headers["x-amz-target"] !== "secretsmanager.GetSecretValue") throw new Error("not known here");
      const { SecretId } = JSON.parse(body);
      const { method = "", url = "", headers } = request;
      this.#identities.authorise(
        { method, url, headers },
        { service: "secretsmanager", body, action: "secretsmanager:GetSecretValue", resource: SecretId },
      );
      const found = [...this.#instances.values()].find(({ secret }) => secret.arn === SecretId);
      if (!found) return void answer(400, { __type: "ResourceNotFoundException" });
      const { password } = found.secret;
      answer(200, { ARN: SecretId, SecretString: JSON.stringify({ username: MASTER, password }) });
    } catch (error) {
      answer(400, { __type: "AccessDeniedException", message: String(error) });
    }
  }
}

interface Secret {
  readonly arn: string;
  readonly password: string;
}

const newSecret = (): Secret => ({
  arn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:rds!db-${randomBytes(8).toString("hex")}`,
  // RDS uses any printable ASCII character except / ' " @, also those with a meaning in URLs and shells.
  password: `${randomBytes(15).toString("base64url")}:%#$&;\\ ${randomBytes(3).toString("hex")}`,
});
