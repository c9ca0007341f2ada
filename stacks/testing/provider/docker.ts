import { createHash } from "node:crypto";
import type { Cloud } from "./cloud.ts";
import type { Configure } from "./session.ts";
import { tableSession } from "./table.ts";
import type { CreateContext, ResourceType } from "./types.ts";
import { asObject, asText, canonical, type Properties } from "./values.ts";

/** Returns the digest of an image, computed from its inputs. */
function digest(inputs: Properties): string {
  return `sha256:${createHash("sha256").update(canonical(inputs)).digest("hex")}`;
}

const repository = (imageName: string): string => imageName.replace(/:[^/:]*$/, "");

const imageOutputs = ({ inputs }: CreateContext): Properties => {
  const imageName = asText(inputs.imageName);
  return {
    baseImageName: imageName,
    repoDigest: `${repository(imageName)}@${digest(inputs)}`,
    registryServer: asText(asObject(inputs.registry).server, imageName.replace(/\/.*$/, "")),
    context: asText(asObject(inputs.build).context, "."),
    dockerfile: asText(asObject(inputs.build).dockerfile, "Dockerfile"),
    platform: asText(asObject(inputs.build).platform, "linux/amd64"),
  };
};

const types: Readonly<Record<string, ResourceType>> = {
  "docker:index/image:Image": {
    id: ({ inputs }) => digest(inputs),
    outputs: imageOutputs,
    updateOutputs: imageOutputs,
  },
  "docker:index/registryImage:RegistryImage": {
    id: ({ inputs }) => digest(inputs),
    outputs: ({ inputs }) => ({ sha256Digest: digest(inputs) }),
    replace: ["name", "triggers"],
  },
};

/** Simulates the Docker provider: builds nothing, and returns a digest of the inputs. */
export function dockerProvider(cloud: Cloud): Configure {
  return () => {
    const context = {
      cloud,
      account: cloud.account,
      region: "",
      defaultTags: {},
      typeOf: (token: string) => types[token],
    };
    return {
      ...tableSession(context),
      invoke: (token: string) => {
        throw new Error(`The simulated Docker has no result for ${token}`);
      },
    };
  };
}
