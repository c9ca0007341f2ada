import { control, resourceRule } from "../rule.ts";
import { INSTANCE, LAUNCH_TEMPLATE, SERVICE, TASK } from "../types.ts";
import { TROUBLE } from "../value.ts";

export const imdsV2 = resourceRule({
  name: "ec2-imdsv2",
  description: "An instance gives its role's credentials to nobody who does not ask for a token first.",
  framework: control("EC2.8"),
  remediation: "Set metadataOptions.httpTokens to required.",
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(one, report) {
    const tokens = one.at("metadataOptions.httpTokens").text("optional");
    if (tokens !== TROUBLE && tokens !== "required")
      report(one, `metadataOptions.httpTokens is ${tokens}: set it to required.`);
  },
});

export const volumesEncrypted = resourceRule({
  name: "ec2-volumes-encrypted",
  description: "An instance's volumes are encrypted.",
  framework: control("EC2.7"),
  remediation: "Set encrypted to true on each volume, the root volume too.",
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(one, report) {
    const lists = ["rootBlockDevice", "ebsBlockDevices", "blockDeviceMappings"].map((property) =>
      one.at(property).items(),
    );
    const devices = lists.filter((list) => list !== TROUBLE).flat();
    if (!lists.includes(TROUBLE) && devices.length === 0)
      report(one, "no volume says that it is encrypted: name the root volume, encrypted.");
    for (const device of devices) {
      const volume = one.type === LAUNCH_TEMPLATE ? device.at("ebs") : device;
      if (volume.at("encrypted").flag(false) === false) report(one, `${volume.path}.encrypted is not true: set it.`);
    }
  },
});

export const instancePrivate = resourceRule({
  name: "ec2-no-public-address",
  description: "An instance has no public address.",
  framework: control("EC2.25"),
  remediation: "Leave associatePublicIpAddress false, and launch it into a private subnet.",
  types: [INSTANCE, LAUNCH_TEMPLATE],
  check(one, report) {
    const interfaces = one.at("networkInterfaces").items();
    const own = [one, ...(interfaces === TROUBLE ? [] : interfaces)];
    if (own.some((part) => part.at("associatePublicIpAddress").flag(false) === true))
      report(one, "associatePublicIpAddress is true: set it to false.");
  },
});

export const servicePrivate = resourceRule({
  name: "ecs-no-public-address",
  description: "A task has no public address.",
  framework: control("ECS.2"),
  remediation: "Set networkConfiguration.assignPublicIp to false.",
  types: [SERVICE],
  check(service, report) {
    if (service.at("networkConfiguration.assignPublicIp").flag(false) === true)
      report(service, "networkConfiguration.assignPublicIp is true: set it to false.");
  },
});

export const containers = resourceRule({
  name: "ecs-containers",
  description:
    "A container has a root file system that it cannot write to, no privileges, and a user that is not root.",
  framework: control("ECS.5"),
  remediation: "Set readonlyRootFilesystem to true, privileged to false, and user.",
  mayBeUnknown: ["containerDefinitions"],
  types: [TASK],
  check(task, report) {
    const all = task.at("containerDefinitions").items();
    if (all === TROUBLE) return;
    for (const container of all) {
      const wrong = [
        container.at("readonlyRootFilesystem").flag(false) === false && "readonlyRootFilesystem is not true",
        container.at("privileged").flag(false) === true && "privileged is true",
        /^(root|0)?(:|$)/.test(String(known(container.at("user").text("")))) && "user is root",
      ].filter((one) => one !== false);
      if (wrong.length > 0)
        report(task, `container ${String(known(container.at("name").text("?")))}: ${wrong.join(", ")}.`);
    }
  },
});

const known = (text: string | typeof TROUBLE): string => (text === TROUBLE ? "?" : text);

export const COMPUTE_RULES = [imdsV2, volumesEncrypted, instancePrivate, servicePrivate, containers];
