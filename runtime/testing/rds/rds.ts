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
/** Host name of all instances. Clients resolve it to 127.0.0.1, and verify that it is in the certificate. */
const HOST = "localhost";

/**
 * A fake RDS in one account, for tests. Its instances are real Postgres servers, each with a master that is not a
 * superuser, behind a TLS proxy with a certificate of a generated authority. The proxy admits members of rds_iam only
 * by signed token. AWS SDKs sign tokens with the credentials of `identity`, and the proxy checks them as RDS does. A
 * fake Secrets Manager has the masters' passwords.
 */
export class Rds {
  /** File with the certificate of the authority that signed the instances' certificates: DATABASE_CA. */
  readonly caFile: string;
  /** Reasons of refused logins by token, which RDS does not report. */
  readonly refusals: string[] = [];
  /** Current time for checks of tokens. Milliseconds since 1970. */
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
    this.#authority = createAuthority("Rates fake RDS Root CA");
    this.caFile = join(directory, "rds-ca.pem");
    writeFileSync(this.caFile, this.#authority.certificate);
  }

  static async start(): Promise<Rds> {
    const secrets = createServer();
    const rds = new Rds(mkdtempSync(join(tmpdir(), "rates-rds-")), secrets);
    secrets.on("request", (request, response) => void rds.#respond(request, response));
    secrets.listen(0, "127.0.0.1");
    await once(secrets, "listening");
    return rds;
  }

  /** Creates a principal with temporary credentials and these permissions. */
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
   * Restores an instance from its source, with the source's current data and a new resource id. The master keeps its
   * current password, but RDS manages no secret for it. `iam` is false unless given, since RDS does not copy it from
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
    const entry = this.#instance(from);
    if (this.#instances.has(to)) throw new Error(`DBInstanceAlreadyExists: ${to}`);
    this.#instances.delete(from);
    this.#instances.set(to, entry);
    const proxy = this.#proxy(from);
    proxy.disconnect();
    proxy.upstream = undefined;
    const newProxy = this.#proxies.get(to);
    if (newProxy) newProxy.upstream = this.#upstream(entry.instance, newProxy.port);
  }

  /** Lets RDS manage the master's password: creates a new password in a new secret. */
  async manageMasterPassword(identifier: string): Promise<void> {
    const entry = this.#instance(identifier);
    entry.secret = newSecret();
    await entry.instance.setMasterPassword(entry.secret.password);
  }

  /** ARN of the secret with the master's user and password, as RDS writes it. */
  masterSecretArn(identifier: string): string {
    return this.#instance(identifier).secret.arn;
  }

  resourceId(identifier: string): string {
    return this.#instance(identifier).instance.resourceId;
  }

  /** Returns the instance of an identifier, for actions that only RDS itself can take. */
  instance(identifier: string): Instance {
    return this.#instance(identifier).instance;
  }

  /** Environment of a component that connects to the database as on AWS, and to the fake Secrets Manager. */
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

  /** Returns the master's name and current password, which only RDS and Secrets Manager have. */
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
    const entry = this.#instances.get(identifier);
    if (!entry) throw new Error(`DBInstanceNotFound: ${identifier}`);
    return entry;
  }

  #proxy(identifier: string): TlsProxy {
    const proxy = this.#proxies.get(identifier);
    if (!proxy) throw new Error(`no instance ever had the name ${identifier}`);
    return proxy;
  }

  /** Responds to GetSecretValue for identities that may read the secret. */
  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    try {
      const body = Buffer.concat(await request.toArray()).toString();
      if (request.headers["x-amz-target"] !== "secretsmanager.GetSecretValue") throw new Error("not supported here");
      const { SecretId } = JSON.parse(body);
      const { method = "", url = "", headers } = request;
      this.#identities.authorize(
        { method, url, headers },
        { service: "secretsmanager", body, action: "secretsmanager:GetSecretValue", resource: SecretId },
      );
      const owner = [...this.#instances.values()].find(({ secret }) => secret.arn === SecretId);
      if (!owner) return void send(400, { __type: "ResourceNotFoundException" });
      const { password } = owner.secret;
      send(200, { ARN: SecretId, SecretString: JSON.stringify({ username: MASTER, password }) });
    } catch (error) {
      send(400, { __type: "AccessDeniedException", message: String(error) });
    }
  }
}

interface Secret {
  readonly arn: string;
  readonly password: string;
}

const newSecret = (): Secret => ({
  arn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:rds!db-${randomBytes(8).toString("hex")}`,
  // RDS uses any printable ASCII character except / ' " @, including those with a meaning in URLs and shells.
  password: `${randomBytes(15).toString("base64url")}:%#$&;\\ ${randomBytes(3).toString("hex")}`,
});
