import type { Resource } from "../resource.ts";
import { control, resourceRule } from "../rule.ts";
import { ECS_SERVICE, INSTANCE, LAUNCH_TEMPLATE, TASK_DEFINITION } from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** Returns true if an instance inherits a property from its launch template, which is checked separately. */
const inheritsFromTemplate = (resource: Resource, property: string): boolean =>
  resource.type === INSTANCE && resource.at(property).isAbsent && !resource.at("launchTemplate").isAbsent;

export const imdsV2 = resourceRule({
  name: "ec2-imdsv2",
  description: "An instance requires session tokens for its role's credentials (IMDSv2).",
  framework: control("EC2.8"),
  remediation: "Set metadataOptions.httpTokens to required.",
  presenceOf: ["launchTemplate"],
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(resource, report) {
    if (inheritsFromTemplate(resource, "metadataOptions")) return;
    const tokens = resource.at("metadataOptions.httpTokens").text("optional");
    if (tokens !== UNRESOLVED && tokens !== "required")
      report(resource, `metadataOptions.httpTokens is ${tokens}: set it to required.`);
  },
});

export const volumesEncrypted = resourceRule({
  name: "ec2-volumes-encrypted",
  description: "An instance's volumes are encrypted.",
  framework: control("EC2.3"),
  remediation: "Set encrypted to true on each volume, including the root volume.",
  presenceOf: ["launchTemplate"],
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(resource, report) {
    if (inheritsFromTemplate(resource, "rootBlockDevice") && resource.at("ebsBlockDevices").isAbsent) return;
    const volumes = resource.type === LAUNCH_TEMPLATE ? mappedVolumes(resource) : ownVolumes(resource);
    if (volumes === UNRESOLVED) return;
    if (volumes.length === 0) report(resource, "no volume is configured as encrypted: add the root volume, encrypted.");
    for (const volume of volumes)
      if (volume.at("encrypted").flag(false) === false)
        report(resource, `${volume.path}.encrypted is not true: set it to true.`);
  },
});

/** Returns the EBS volumes in a launch template's mappings, without instance stores and suppressed devices. */
function mappedVolumes(template: Resource): readonly Value[] | Unresolved {
  const mappings = template.at("blockDeviceMappings").items();
  if (mappings === UNRESOLVED) return UNRESOLVED;
  return mappings.flatMap((mapping) => {
    const volume = mapping.at("ebs");
    return volume.isAbsent ? [] : [volume];
  });
}

/** Returns the volumes of an instance, including a root volume that is not configured. */
function ownVolumes(resource: Resource): readonly Value[] | Unresolved {
  const root = resource.at("rootBlockDevice");
  const blockDevices = resource.at("ebsBlockDevices").items();
  return blockDevices === UNRESOLVED ? UNRESOLVED : [root, ...blockDevices];
}

export const instancePrivate = resourceRule({
  name: "ec2-no-public-address",
  description: "An instance has no public address.",
  framework: control("EC2.25"),
  remediation: "Set associatePublicIpAddress to false, and launch it into a private subnet.",
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(resource, report) {
    const interfaces = resource.at("networkInterfaces").items();
    const candidates = [resource, ...(interfaces === UNRESOLVED ? [] : interfaces)];
    if (candidates.some((candidate) => candidate.at("associatePublicIpAddress").flag(false) === true))
      report(resource, "associatePublicIpAddress is true: set it to false.");
  },
});

export const servicePrivate = resourceRule({
  name: "ecs-no-public-address",
  description: "A task has no public address.",
  framework: control("ECS.2"),
  remediation: "Set networkConfiguration.assignPublicIp to false.",
  types: [ECS_SERVICE],
  check(service, report) {
    if (service.at("networkConfiguration.assignPublicIp").flag(false) === true)
      report(service, "networkConfiguration.assignPublicIp is true: set it to false.");
  },
});

export const containers = resourceRule({
  name: "ecs-containers",
  description: "A container has a read-only root file system, no privileges, and a user other than root.",
  framework: control("ECS.5"),
  remediation: "Set readonlyRootFilesystem to true, privileged to false, and user.",
  mayBeUnknown: ["containerDefinitions"],
  types: [TASK_DEFINITION],
  check(task, report) {
    const all = task.at("containerDefinitions").items();
    if (all === UNRESOLVED) return;
    for (const container of all) {
      const problems = [
        container.at("readonlyRootFilesystem").flag(false) === false && "readonlyRootFilesystem is not true",
        container.at("privileged").flag(false) === true && "privileged is true",
        rootProblem(container.at("user")),
      ].filter((problem) => problem !== false);
      if (problems.length > 0)
        report(task, `container ${textOrUnknown(container.at("name").text("?"))}: ${problems.join(", ")}.`);
    }
  },
});

/** Returns the problem if a container runs as root; otherwise false. */
function rootProblem(user: Value): string | false {
  if (user.isAbsent) return "user is not set";
  return /^(root|0)?(:|$)/.test(textOrUnknown(user.text(""))) && "user is root";
}

const textOrUnknown = (text: string | typeof UNRESOLVED): string => (text === UNRESOLVED ? "?" : text);

export const COMPUTE_RULES = [imdsV2, volumesEncrypted, instancePrivate, servicePrivate, containers];
