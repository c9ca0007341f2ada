import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Signer } from "@aws-sdk/rds-signer";
import pg from "pg";
import { createAuthority } from "./certificates.ts";
import { ACCOUNT, type Identity, REGION } from "./identities.ts";
import { DATABASE, MASTER, Rds } from "./rds.ts";

const NAME = "rates";
const MINUTE_MS = 60_000;
const REFUSED = { code: "28000", message: /^PAM authentication failed for user/ };

describe("the fake RDS", () => {
  let rds: Rds;
  let client: Identity;
  before(async function () {
    this.timeout(60_000);
    rds = await Rds.start();
    await rds.createInstance(NAME);
    await asMaster("create role app login", "grant rds_iam to app", "create role clerk login password 'clerk'");
    client = rds.identity("client", [
      {
        Action: ["rds-db:connect"],
        Resource: [`arn:aws:rds-db:${REGION}:${ACCOUNT}:dbuser:${rds.resourceId(NAME)}/app`],
      },
    ]);
  });
  after(() => rds?.stop());
  afterEach(() => {
    rds.now = Date.now;
    rds.refusals.length = 0;
  });

  const port = () => Number(rds.env(NAME).DATABASE_PORT);
  const login = async (options: pg.ClientConfig, statements: readonly string[] = ["select 1 as one"]) => {
    const client = new pg.Client({
      host: "localhost",
      port: port(),
      database: DATABASE,
      ssl: { ca: readFileSync(rds.caFile, "utf8"), servername: "localhost" },
      ...options,
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const results = [];
      for (const statement of statements) results.push(await client.query(statement));
      return results.at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  };
  const asMaster = (...statements: string[]) => login(rds.masterLogin(NAME), statements);
  /** Creates a token as the AWS SDK signs it, with an identity's credentials. */
  const tokenOf = (identity: Identity, changes: Partial<ConstructorParameters<typeof Signer>[0]> = {}) =>
    new Signer({
      hostname: "localhost",
      port: port(),
      username: "app",
      region: REGION,
      credentials: identity,
      ...changes,
    }).getAuthToken();

  it("has a master that may create roles and databases, without being a superuser", async () => {
    const [role] = await asMaster(
      "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication from pg_roles where rolname = current_user",
    );
    assert.deepEqual(role, {
      rolsuper: false,
      rolcreaterole: true,
      rolcreatedb: true,
      rolbypassrls: false,
      rolreplication: false,
    });
    await assert.rejects(asMaster("set session_replication_role = replica"), { code: "42501" });
    await assert.rejects(asMaster("alter system set max_connections = 1000"), { code: "42501" });
  });

  it("admits a member of rds_iam by its token, and other users by password", async () => {
    assert.deepEqual(
      await login({ user: "app", password: await tokenOf(client) }, ["select current_user::text as me"]),
      [{ me: "app" }],
    );
    assert.deepEqual(await login({ user: "clerk", password: "clerk" }), [{ one: 1 }]);
  });

  it("refuses a member of rds_iam by password, at the proxy and at the server", async () => {
    await asMaster("alter role app password 'known'");
    await assert.rejects(login({ user: "app", password: "known" }), REFUSED);
    const direct = { host: "127.0.0.1", port: rds.instance(NAME).port, ssl: false };
    await assert.rejects(login({ ...direct, user: "app", password: "known" }), { code: "28000" });
    await asMaster("alter role app password null");
  });

  it("refuses tokens of another user, host, port, Region, identity, policy or time", async () => {
    const stranger = rds.identity("stranger", []);
    const unknown = { ...client, accessKeyId: "ASIAUNKNOWN" };
    const cases: [reason: RegExp, token: Promise<string>, user?: string][] = [
      [/for the user clerk/, tokenOf(client, { username: "clerk" })],
      [/for the user app/, tokenOf(client), "other"],
      [/not a token for localhost/, tokenOf(client, { hostname: "127.0.0.1" })],
      [/not a token for localhost/, tokenOf(client, { port: 5432 })],
      [/the Region us-east-1/, tokenOf(client, { region: "us-east-1" })],
      [/stranger may not rds-db:connect/, tokenOf(stranger)],
      [/unknown identity/, tokenOf(unknown)],
      [/signature does not match/, tokenOf({ ...client, secretAccessKey: "other" })],
      [/session token belongs to another identity/, tokenOf({ ...client, sessionToken: "other" })],
    ];
    await asMaster("create role other login", "grant rds_iam to other");
    for (const [reason, token, user = "app"] of cases) {
      await assert.rejects(login({ user, password: await token }), REFUSED, String(reason));
      assert.match(rds.refusals.pop() ?? "", reason);
    }
    const token = await tokenOf(client);
    rds.now = () => Date.now() + 14 * MINUTE_MS;
    await login({ user: "app", password: token });
    rds.now = () => Date.now() + 15 * MINUTE_MS + 1_000;
    await assert.rejects(login({ user: "app", password: token }), REFUSED);
    assert.match(rds.refusals[0] ?? "", /expired/);
  });

  it("refuses sessions without TLS, and is refused by clients that trust other authorities", async () => {
    await assert.rejects(login({ ...rds.masterLogin(NAME), ssl: false }), { code: "28000", message: /no encryption/ });
    const ca = createAuthority("somebody else").certificate;
    await assert.rejects(login({ ...rds.masterLogin(NAME), ssl: { ca, servername: "localhost" } }), /certificate/);
    // The certificate is only for the instance's name.
    const byAddress = { host: "127.0.0.1", ssl: { ca: readFileSync(rds.caFile, "utf8"), servername: "127.0.0.1" } };
    await assert.rejects(login({ ...rds.masterLogin(NAME), ...byAddress }), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("locks out a master that inherits rds_iam, or can become a role with it", async () => {
    for (const options of ["inherit true, set false", "inherit false, set true"]) {
      await rds.instance(NAME).query(`grant app to ${MASTER} with ${options}`);
      await assert.rejects(asMaster("select 1"), REFUSED, options);
      await rds.instance(NAME).query(`revoke app from ${MASTER}`);
    }
    // The creator of a role has only ADMIN on it, which RDS does not count as a membership.
    await rds.instance(NAME).query(`grant app to ${MASTER} with admin true, inherit false, set false`);
    await asMaster("select 1");
  });

  it("refuses new sessions, but not the current one, of a master that grants itself a role with rds_iam", async () => {
    await asMaster(
      "create role owner_of_all login",
      "grant rds_iam to owner_of_all",
      "grant owner_of_all to current_user",
      "set role owner_of_all",
    );
    await assert.rejects(asMaster("select 1"), REFUSED);
    await rds.instance(NAME).query(`revoke owner_of_all from ${MASTER} cascade`);
    await rds.instance(NAME).query("drop role owner_of_all");
    await asMaster("select 1");
  });
});
