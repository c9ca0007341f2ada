import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import {
  Application,
  type Comment,
  type DeclarationReflection,
  ReflectionKind as Kind,
  Logger,
  LogLevel,
  type ProjectReflection,
  TSConfigReader,
  TypeDocReader,
} from "typedoc";
import ts from "typescript";
import { pathOf } from "./pages.ts";

/** Collects typedoc's warnings and errors. */
class Messages extends Logger {
  readonly all: string[] = [];
  override log(message: string, level: LogLevel): void {
    super.log(message, level);
    if (level >= LogLevel.Warn) this.all.push(message);
  }
}

/** An example of a doc comment. */
interface Example {
  /** Name of the declaration that it belongs to. */
  readonly of: string;
  /** Folder of its source file, from which its imports are resolved. */
  readonly folder: string;
  readonly code: string;
}

/** Exports that must have an example, in addition to the Args of components. */
const WITH_EXAMPLE = [
  "parseStackConfig",
  "readStackFile",
  "readSettings",
  "JobError",
  "problemsOf",
  "withDefaults",
  "responseIdOf",
  "readJson",
  "resourceRule",
  "stackRule",
];

describe("reference of the exported code", function () {
  this.timeout(300_000);
  this.slow(60_000);
  const messages = new Messages();
  let app: Application;
  let project: ProjectReflection;
  before(async () => {
    app = await Application.bootstrap({ options: pathOf("docs/reference/typedoc.json") }, [
      new TypeDocReader(),
      new TSConfigReader(),
    ]);
    app.logger = messages;
    const converted = await app.convert();
    assert(converted, messages.all.join("\n"));
    project = converted;
    app.validate(project);
  });

  const declarations = () => Object.values(project.reflections) as DeclarationReflection[];

  it("builds without warnings", () => {
    assert.deepEqual(messages.all, []);
  });

  it("documents every export, and every property and method of classes and interfaces", () => {
    const exported = declarations().filter((each) => isDocumentedKind(each) && !each.inheritedFrom);
    assert.ok(exported.length > 400, `only ${exported.length} exports were found`);
    const undocumented = exported
      .filter((each) => commentsOf(each).length === 0)
      .map((each) => `${each.sources?.[0]?.fileName}: ${each.getFullName()}`);
    assert.deepEqual(undocumented, []);
  });

  it("has an example for the Args of every component, the settings, the contract and policies", () => {
    const components = declarations()
      .filter(
        (each) => each.kindOf(Kind.Class) && each.extendedTypes?.some((type) => String(type) === "ComponentResource"),
      )
      .map(({ name }) => `${name}Args`);
    assert.ok(components.length >= 14, String(components));
    const documented = new Set(examplesOf(declarations()).map(({ of }) => of));
    assert.deepEqual(
      [...components, ...WITH_EXAMPLE].filter((name) => !documented.has(name)),
      [],
    );
  });

  it("has examples that type-check", () => {
    const program = app.getEntryPoints()?.[0]?.program;
    assert(program);
    const invalid: Example = { of: "wrong", folder: pathOf("infra"), code: "export const text: string = 1;" };
    const problems = problemsOf([...examplesOf(declarations()), invalid], program);
    assert.deepEqual(problems, ["wrong: Type 'number' is not assignable to type 'string'."]);
  });
});

/** Returns true for exports and their members; false for parts of literal types. */
function isDocumentedKind(each: DeclarationReflection): boolean {
  if (each.kindOf([Kind.Property, Kind.Accessor, Kind.Method]))
    return each.parent?.kindOf([Kind.Class, Kind.Interface]) ?? false;
  return (
    each.kindOf([Kind.Class, Kind.Interface, Kind.TypeAlias, Kind.Function, Kind.Variable]) &&
    (each.parent?.kindOf([Kind.Module, Kind.Project]) ?? false)
  );
}

const commentsOf = (each: DeclarationReflection): Comment[] =>
  [each, each.getSignature, each.setSignature, ...(each.signatures ?? [])].flatMap((part) => part?.comment ?? []);

const examplesOf = (all: readonly DeclarationReflection[]): Example[] =>
  all
    .filter((each) => !each.kindOf(Kind.SomeSignature))
    .flatMap((each) =>
      commentsOf(each)
        .flatMap(({ blockTags }) => blockTags)
        .filter(({ tag }) => tag === "@example")
        .flatMap(({ content }) => content.filter(({ kind }) => kind === "code"))
        .map(({ text }) => ({
          of: each.name,
          folder: dirname(each.sources?.[0]?.fullFileName ?? ""),
          code: text.replace(/^```ts\n/, "").replace(/\n```$/, ""),
        })),
    );

/**
 * Type-checks examples, each as a file in the folder of its source.
 *
 * @param program - Program whose parsed files are used again.
 * @returns The problems, each prefixed with the name of the example's declaration.
 */
function problemsOf(examples: readonly Example[], program: ts.Program): string[] {
  const files = new Map(examples.map((example, index) => [join(example.folder, `example${index}.ts`), example]));
  const options = program.getCompilerOptions();
  const host = ts.createCompilerHost(options);
  const checked = ts.createProgram({
    rootNames: [...files.keys()],
    options,
    host: {
      ...host,
      fileExists: (file) => files.has(file) || host.fileExists(file),
      readFile: (file) => files.get(file)?.code ?? host.readFile(file),
      getSourceFile: (file, language) => {
        const code = files.get(file)?.code;
        if (code !== undefined) return ts.createSourceFile(file, code, language);
        return program.getSourceFile(file) ?? host.getSourceFile(file, language);
      },
    },
  });
  return [...files].flatMap(([file, { of }]) => {
    const source = checked.getSourceFile(file);
    return [...checked.getSyntacticDiagnostics(source), ...checked.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${of}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
}
