import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LifecyclePolicy } from "@pulumi/aws/ecr/lifecyclePolicy.js";
import { Repository } from "@pulumi/aws/ecr/repository.js";
import { Image } from "@pulumi/docker/image.js";
import { Provider } from "@pulumi/docker/provider.js";
import * as pulumi from "@pulumi/pulumi";

/** The image of API and runner. */
export interface ImagesArgs {
  readonly arch: "x86_64" | "arm64";
  /** Whether destroy leaves the images behind. */
  readonly keepData: boolean;
}

const ROOT = new URL("../", import.meta.url);
/** What enters the image (runtime/Dockerfile.dockerignore), tests left out. */
const SOURCES = [
  "package.json",
  "package-lock.json",
  "runtime/Dockerfile",
  "runtime/Dockerfile.dockerignore",
  "db",
  "runtime/api",
  "runtime/image",
  "runtime/jobs",
  "runtime/runner",
  "runtime/tracking",
];
const NOT_IN = /(^|\/)(testing|fixtures)(\/|\.ts$)|\.test\.ts$|^runtime\/runner\/glue\//;
/** Images kept: runs and tasks finish on the one they began with, and a rollback wants the one before. */
const KEPT = 30;

/**
 * Builds the image and pushes it to a repository of the stack's own, whose tags never move and whose images are scanned.
 * It is used by digest. A preview builds nothing: the digest is unknown until `up`. The tag is a hash of what enters the
 * image, so the same sources are pushed once.
 *
 * No registry token passes through this program, where it would end in the state: docker asks the credential helper
 * `docker-credential-ecr-login` that its own configuration names (trap 33).
 */
export class Images extends pulumi.ComponentResource {
  readonly repository: Repository;
  /** The image by its digest. */
  readonly image: pulumi.Output<string>;
  /** Of the code in it; known in a preview. */
  readonly version: string;

  constructor(name: string, { arch, keepData }: ImagesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Images", name, {}, opts);
    const child = { parent: this };
    this.version = sourcesVersion();
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
              description: `the last ${KEPT}`,
              selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: KEPT },
              action: { type: "expire" },
            },
          ],
        }),
      },
      child,
    );
    const docker = new Provider(name, {}, child);
    const built = new Image(
      name,
      {
        imageName: pulumi.interpolate`${this.repository.repositoryUrl}:${this.version}`,
        build: {
          context: fileURLToPath(ROOT),
          dockerfile: fileURLToPath(new URL("runtime/Dockerfile", ROOT)),
          platform: arch === "arm64" ? "linux/arm64" : "linux/amd64",
          builderVersion: "BuilderBuildKit",
        },
        buildOnPreview: false,
      },
      { ...child, provider: docker, retainOnDelete: true },
    );
    this.image = built.repoDigest;
    this.registerOutputs({ image: this.image });
  }
}

/** A hash of everything that enters the image. */
export function sourcesVersion(): string {
  const hash = createHash("sha256");
  for (const path of SOURCES.flatMap((source) => filesOf(source)).sort())
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(new URL(path, ROOT)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

function filesOf(path: string): string[] {
  const url = new URL(path, ROOT);
  if (/\.\w+$|Dockerfile$/.test(path)) return [path];
  return readdirSync(url, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      `${fileURLToPath(new URL(`file://${entry.parentPath}/`))}${entry.name}`.slice(fileURLToPath(ROOT).length),
    )
    .filter((file) => !NOT_IN.test(file));
}
