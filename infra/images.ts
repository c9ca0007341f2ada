import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join, matchesGlob, relative } from "node:path/posix";
import { LifecyclePolicy } from "@pulumi/aws/ecr/lifecyclePolicy.js";
import { Repository } from "@pulumi/aws/ecr/repository.js";
import { Image } from "@pulumi/docker/image.js";
import { Provider } from "@pulumi/docker/provider.js";
import * as pulumi from "@pulumi/pulumi";
import { ROOT } from "../runtime/platform/root.ts";

/**
 * Arguments of the images of a stack.
 *
 * @example
 * ```ts
 * import { Images } from "./images.ts";
 *
 * const images = new Images("rates-dev-images", { arch: "arm64", keepData: false });
 * export const image = images.image;
 * ```
 */
export interface ImagesArgs {
  /** Processor architecture of the images. */
  readonly arch: "x86_64" | "arm64";
  /** Keeps the images when the stack is destroyed. */
  readonly keepData: boolean;
}

const DOCKERFILE = "runtime/Dockerfile";
/**
 * Number of images to keep, two per version: runs and tasks may still use old versions, and a rollback needs the previous
 * one.
 */
const MAX_IMAGES = 60;

/**
 * Builds the image of API and runner and the image of the smoke task, and pushes both to the stack's repository, which
 * has immutable tags and scans images. Images are used by digest. A preview builds nothing: the digest is unknown until
 * `up`.
 *
 * A tag contains a hash of the build's inputs, so that Pulumi builds again when they change. It ends with a random
 * text, because an `up` that fails between the push and saving the state pushes again, and ECR refuses a push of an
 * existing immutable tag, even of the same image (containers-roadmap#2179).
 *
 * No registry token passes through this program, since it would be stored in the state: docker uses the credential
 * helper `docker-credential-ecr-login` of its own configuration.
 */
export class Images extends pulumi.ComponentResource {
  /** ECR repository of both images. */
  readonly repository: Repository;
  /** Image of API and runner, by digest. */
  readonly image: pulumi.Output<string>;
  /** Image of the smoke task, by digest. */
  readonly smokeImage: pulumi.Output<string>;
  /** Hash of the build's inputs; known in a preview. */
  readonly version: string;

  constructor(name: string, { arch, keepData }: ImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Images", name, {}, opts);
    const child = { parent: this };
    this.version = imageVersion(arch);
    this.repository = new Repository(
      name,
      {
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "AES256" }],
        forceDelete: !keepData,
      },
      { ...child, retainOnDelete: keepData },
    );
    new LifecyclePolicy(
      name,
      {
        repository: this.repository.name,
        policy: JSON.stringify({
          rules: [
            {
              rulePriority: 1,
              description: `the last ${MAX_IMAGES}`,
              selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: MAX_IMAGES },
              action: { type: "expire" },
            },
          ],
        }),
      },
      child,
    );
    const docker = new Provider(name, {}, child);
    const context = buildContext(this.version);
    const push = (target: string, tag: string) =>
      new Image(
        // Each version is a separate resource, so each is built and pushed once.
        `${name}-${tag}`,
        {
          imageName: pulumi.interpolate`${this.repository.repositoryUrl}:${tag}-${randomBytes(4).toString("hex")}`,
          build: {
            context,
            dockerfile: join(context, DOCKERFILE),
            target,
            platform: arch === "arm64" ? "linux/arm64" : "linux/amd64",
            builderVersion: "BuilderBuildKit",
          },
          buildOnPreview: false,
        },
        { ...child, provider: docker, retainOnDelete: true, ignoreChanges: ["imageName"] },
      ).repoDigest;
    this.image = push("image", this.version);
    this.smokeImage = push("smoke", `smoke-${this.version}`);
    this.registerOutputs({ image: this.image, smokeImage: this.smokeImage });
  }
}

/**
 * Copies the inputs of the build into a directory, with the same file modes on every machine. The provider compares path,
 * contents and modes, and pushes again if one differs. In a clone, path and modes depend on its location and umask.
 *
 * @returns The directory's path, relative to the working directory.
 */
function buildContext(version: string): string {
  const directory = join(ROOT, "node_modules/.cache/rates-platform", `context-${version}`);
  if (!existsSync(directory)) {
    // Renames the complete directory, so that a concurrent program never reads an incomplete one.
    const temporaryDirectory = `${directory}.${process.pid}`;
    for (const path of [DOCKERFILE, `${DOCKERFILE}.dockerignore`, ...contextFiles()]) {
      mkdirSync(dirname(join(temporaryDirectory, path)), { recursive: true });
      copyFileSync(join(ROOT, path), join(temporaryDirectory, path));
      chmodSync(join(temporaryDirectory, path), 0o644);
    }
    try {
      renameSync(temporaryDirectory, directory);
    } catch (error) {
      rmSync(temporaryDirectory, { recursive: true });
      if (!existsSync(directory)) throw error;
    }
  }
  return relative(process.cwd(), directory);
}

/** Hashes the architecture and all files that the build uses. */
export function imageVersion(arch: ImagesArgs["arch"]): string {
  const hash = createHash("sha256").update(arch).update("\0");
  for (const path of [DOCKERFILE, ...contextFiles()].sort())
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

/**
 * Lists the inputs of the build according to the Dockerfile's ignore file, as docker does: the last pattern that
 * matches a path or a folder above it decides. Searches only the paths that the ignore file includes with `!`.
 */
export function contextFiles(): string[] {
  const patterns = readFileSync(join(ROOT, `${DOCKERFILE}.dockerignore`), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ glob: line.replace(/^!/, ""), isException: line.startsWith("!") }));
  const isIncluded = (file: string) => {
    const paths = file.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
    return patterns.findLast(({ glob }) => paths.some((path) => matchesGlob(path, glob)))?.isException ?? true;
  };
  return patterns
    .filter((pattern) => pattern.isException)
    .flatMap(({ glob }) => listFiles(glob))
    .filter(isIncluded);
}

function listFiles(path: string): string[] {
  const file = join(ROOT, path);
  if (!existsSync(file)) return [];
  if (statSync(file).isFile()) return [path];
  return readdirSync(file, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
