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
  /** Name of the declaration that the example documents. */
  readonly name: string;
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
    const exported = declarations().filter(
      (declaration) => isDocumentedKind(declaration) && !declaration.inheritedFrom,
    );
    assert.ok(exported.length > 400, `only ${exported.length} exports were found`);
    const undocumented = exported
      .filter((declaration) => commentsOf(declaration).length === 0)
      .map((declaration) => `${declaration.sources?.[0]?.fileName}: ${declaration.getFullName()}`);
    assert.deepEqual(undocumented, []);
  });

  it("has an example for the Args of every component, and for the exports listed above", () => {
    const components = declarations()
      .filter(
        (declaration) =>
          declaration.kindOf(Kind.Class) &&
          declaration.extendedTypes?.some((type) => String(type) === "ComponentResource"),
      )
      .map(({ name }) => `${name}Args`);
    assert.ok(components.length >= 14, String(components));
    const documented = new Set(examplesOf(declarations()).map(({ name }) => name));
    assert.deepEqual(
      [...components, ...WITH_EXAMPLE].filter((name) => !documented.has(name)),
      [],
    );
  });

  it("has examples that type-check", () => {
    const program = app.getEntryPoints()?.[0]?.program;
    assert(program);
    const invalid: Example = { name: "wrong", folder: pathOf("infra"), code: "export const text: string = 1;" };
    const problems = problemsOf([...examplesOf(declarations()), invalid], program);
    assert.deepEqual(problems, ["wrong: Type 'number' is not assignable to type 'string'."]);
  });
});

/** Returns true for exports and their members; false for properties of object types. */
function isDocumentedKind(declaration: DeclarationReflection): boolean {
  if (declaration.kindOf([Kind.Property, Kind.Accessor, Kind.Method]))
    return declaration.parent?.kindOf([Kind.Class, Kind.Interface]) ?? false;
  return (
    declaration.kindOf([Kind.Class, Kind.Interface, Kind.TypeAlias, Kind.Function, Kind.Variable]) &&
    (declaration.parent?.kindOf([Kind.Module, Kind.Project]) ?? false)
  );
}

const commentsOf = (declaration: DeclarationReflection): Comment[] =>
  [declaration, declaration.getSignature, declaration.setSignature, ...(declaration.signatures ?? [])].flatMap(
    (reflection) => reflection?.comment ?? [],
  );

const examplesOf = (declarations: readonly DeclarationReflection[]): Example[] =>
  declarations
    .filter((declaration) => !declaration.kindOf(Kind.SomeSignature))
    .flatMap((declaration) =>
      commentsOf(declaration)
        .flatMap(({ blockTags }) => blockTags)
        .filter(({ tag }) => tag === "@example")
        .flatMap(({ content }) => content.filter(({ kind }) => kind === "code"))
        .map(({ text }) => ({
          name: declaration.name,
          folder: dirname(declaration.sources?.[0]?.fullFileName ?? ""),
          code: text.replace(/^```ts\n/, "").replace(/\n```$/, ""),
        })),
    );

/**
 * Type-checks examples, each as a file in the folder of its source.
 *
 * @param program - Program whose parsed files are reused.
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
  return [...files].flatMap(([file, { name }]) => {
    const source = checked.getSourceFile(file);
    return [...checked.getSyntacticDiagnostics(source), ...checked.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
}
