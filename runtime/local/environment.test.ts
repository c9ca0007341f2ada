import assert from "node:assert/strict";
import type { Emulator } from "./emulator.ts";
import { componentEnvironment } from "./environment.ts";
import type { Postgres } from "./postgres.ts";

describe("the environment of the platform's components", () => {
  const postgres = { host: "127.0.0.1", port: 5433, password: "secret" } as Postgres;
  const emulator = { env: { AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "local" } } as Partial<Emulator> as Emulator;
  const environment = (base: NodeJS.ProcessEnv) =>
    componentEnvironment({ postgres, emulator, settings: { version: "local" }, dataDir: "/data" }, base);

  it("points at this machine, and keeps unrelated variables", () => {
    const env = environment({ PATH: "/bin", LOG_LEVEL: "debug" });
    assert.equal(env.PATH, "/bin");
    assert.equal(env.LOG_LEVEL, "debug");
    assert.equal(env.DATABASE_PORT, "5433");
    assert.equal(env.RATES_DATA_DIR, "/data");
    assert.equal(env.NODE_COMPILE_CACHE, "/data/compile-cache");
    assert.equal(environment({ NODE_COMPILE_CACHE: "/cache" }).NODE_COMPILE_CACHE, "/cache");
    assert.deepEqual(JSON.parse(env.RATES_SETTINGS ?? ""), { version: "local" });
  });

  it("does not contain the shell's AWS account, database or collector key", () => {
    const env = environment({
      AWS_PROFILE: "production",
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=real",
      AWS_SESSION_TOKEN: "real",
      AWS_ENDPOINT_URL: "elsewhere",
      AWS_ACCESS_KEY_ID: "real",
      PGSSLMODE: "require",
      DATABASE_CA: "/ca.pem",
    });
    assert.deepEqual(
      Object.entries(env).filter(([name]) => /^(AWS_|OTEL_|PG|DATABASE_CA)/.test(name)),
      [
        ["AWS_REGION", "eu-west-1"],
        ["AWS_ACCESS_KEY_ID", "local"],
      ],
    );
  });
});
