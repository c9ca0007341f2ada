import assert from "node:assert/strict";
import { join } from "node:path";
import { parseOptions, startCommand, UsageError } from "./options.ts";

const usageError = (args: string[], env: NodeJS.ProcessEnv = {}): string => {
  try {
    parseOptions(args, env);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  assert.fail(`'${args.join(" ")}' was accepted`);
};

describe("the options of npm start", () => {
  it("have defaults", () => {
    const options = parseOptions([], { INIT_CWD: "/clone" });
    assert.deepEqual(options, { port: 3000, dataDir: "/clone/.local", stack: "dev", runsPerCore: 4, help: false });
  });

  it("are read, with paths relative to the directory in which npm was called", () => {
    const here = import.meta.dirname;
    const args = ["--port", "4000", "--data-dir=data", "--dump", "options.test.ts", "--stack", "prod"].concat(
      "--runs-per-core=32",
      "--tracking",
      "http://[::1]:9200",
    );
    assert.deepEqual(parseOptions(args, { INIT_CWD: here }), {
      port: 4000,
      dataDir: join(here, "data"),
      dump: join(here, "options.test.ts"),
      stack: "prod",
      runsPerCore: 32,
      tracking: "http://[::1]:9200",
      help: false,
    });
  });

  it("are repeated in the command that starts the platform again, apart from defaults and changes", () => {
    const env = { INIT_CWD: import.meta.dirname };
    const command = (args: string[], changes: Parameters<typeof startCommand>[1] = {}) =>
      startCommand(parseOptions(args, env), changes, env);
    assert.equal(command([]), "npm start --");
    assert.equal(command([], { port: "3001" }), "npm start -- --port 3001");
    const args = ["--port", "4000", "--data-dir", "/tmp/a b's", "--dump", "options.test.ts", "--stack", "prod"].concat(
      "--runs-per-core=8",
      "--tracking",
      "http://localhost:9200",
    );
    assert.equal(
      command(args, { dump: undefined, "runs-per-core": "16" }),
      "npm start -- --port 4000 --data-dir '/tmp/a b'\\''s' --stack prod --runs-per-core 16 --tracking http://localhost:9200",
    );
    assert.match(command(args), / --dump \S+options\.test\.ts .*--runs-per-core 8/);
  });

  it("have a trace collector if OpenTelemetry's variable names one", () => {
    const withCollector = (OTEL_EXPORTER_OTLP_ENDPOINT: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT });
    assert.equal(parseOptions([], withCollector("http://127.0.0.1:4318")).traces, "http://127.0.0.1:4318");
    assert.equal(parseOptions([], withCollector("")).traces, undefined);
    for (const value of ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "collector"])
      assert.match(
        usageError([], withCollector(value)),
        /OTEL_EXPORTER_OTLP_ENDPOINT is '.*'; it must be a URL, for example http/,
      );
    const text = usageError([], withCollector("http://user:hunter2@collector:4318"));
    assert.match(text, /OTEL_EXPORTER_OTLP_ENDPOINT must be without user, password/);
    assert.doesNotMatch(text, /hunter2/);
  });

  it("have the collector's headers from OpenTelemetry's variable, and do not show them in an error", () => {
    const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: "api-key=hunter2" };
    assert.equal(parseOptions([], { ...collector, ...headers }).traceHeaders, "api-key=hunter2");
    assert.equal(parseOptions([], headers).traceHeaders, undefined, "without a collector");
    const others = { OTEL_EXPORTER_OTLP_HEADERS: "of another program" };
    assert.equal(parseOptions([], others).traceHeaders, undefined, "nor are they checked");
    const text = usageError([], { ...collector, OTEL_EXPORTER_OTLP_HEADERS: "hunter2" });
    assert.match(text, /OTEL_EXPORTER_OTLP_HEADERS has an entry without =/);
    assert.doesNotMatch(text, /hunter2/);
  });

  it("are refused with the correct command if npm consumed them", () => {
    const text = usageError(["4000", "x"], { npm_config_port: "true", npm_config_data_dir: "true" });
    assert.match(text, /npm start -- --port 4000 --data-dir x/);
    assert.match(usageError([], { npm_config_stack: "prod" }), /npm consumed --stack: .*npm start -- --stack prod/);
  });

  it("refuse an unexpected argument, with a correct command", () => {
    assert.match(usageError(["4000"]), /'4000'.*npm start -- --port/);
  });

  it("suggest the nearest name for an unknown option", () => {
    assert.match(usageError(["--prot", "4000"]), /no option --prot\. Did you mean 'port'\?/);
  });

  it("report all problems at once, each with field, value and remedy", () => {
    const text = usageError(["--port", "70000", "--dump", "nowhere.sql", "--colour", "--stack"], {
      INIT_CWD: "/clone",
    });
    assert.match(text, /--port is '70000'.*1 to 65535/);
    assert.match(text, /no file \/clone\/nowhere\.sql/);
    assert.match(text, /no option --colour/);
    assert.match(text, /--stack needs a value/);
  });

  for (const port of ["abc", "-1", "3000.5", "1e3"]) {
    it(`refuse the port ${port}`, () =>
      assert.match(usageError([`--port=${port}`]), new RegExp(`--port is '${port}'`)));
  }

  for (const runs of ["0", "33", "4.5", "many", "-1"]) {
    it(`refuse ${runs} runs per core`, () =>
      assert.match(usageError([`--runs-per-core=${runs}`]), /--runs-per-core is '.*'; it must be .* from 1 to 32/));
  }

  for (const url of ["localhost:9200", "ftp://x", "9200", "http://"]) {
    it(`refuse the tracking store ${url}`, () =>
      assert.match(usageError([`--tracking=${url}`]), /must be a URL, for example/));
  }

  it("refuse a tracking store with a login, and do not repeat the password", () => {
    for (const scheme of ["https", "ftp"]) {
      const text = usageError(["--tracking", `${scheme}://me:hidden@x`]);
      assert.match(text, /^--tracking (has a user|is 'ftp)/);
      assert.doesNotMatch(text, /hidden/);
    }
  });
});
