import type { CreateContext, ResourceType } from "../types.ts";
import { asText, type Properties } from "../values.ts";
import { arn, name, naming, partOf, uuid } from "./naming.ts";

/** Calls the function. With the lifecycleScope CRUD, its event also names the action, and a deletion also calls it. */
const invocation =
  (action: "create" | "update" | "delete") =>
  ({ cloud, inputs }: CreateContext): Properties => {
    const input = asText(inputs.input);
    const isCrud = inputs.lifecycleScope === "CRUD";
    const event = isCrud ? JSON.stringify({ ...JSON.parse(input), tf: { action } }) : input;
    if (action === "delete" && !isCrud) return {};
    const result = cloud.options.lambda?.(asText(inputs.functionName), event) ?? null;
    return { result: JSON.stringify(result) };
  };

/** Queues, topics, events and functions. */
export const messagesTypes: Readonly<Record<string, ResourceType>> = {
  "aws:sqs/queue:Queue": {
    naming: naming("name", 80, "region", "QueueAlreadyExists", /^[\w-]+(\.fifo)?$/),
    id: ({ region, account, name }) => `https://sqs.${region}.amazonaws.com/${account}/${name}`,
    arn: arn("sqs"),
    outputs: ({ id }) => ({ url: id }),
    defaults: {
      delaySeconds: 0,
      fifoQueue: false,
      maxMessageSize: 1048576,
      messageRetentionSeconds: 345600,
      receiveWaitTimeSeconds: 0,
      visibilityTimeoutSeconds: 30,
    },
    replace: ["fifoQueue"],
  },
  "aws:sqs/queuePolicy:QueuePolicy": partOf("queueUrl"),
  "aws:sqs/redrivePolicy:RedrivePolicy": partOf("queueUrl"),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": partOf("queueUrl"),
  "aws:sns/topic:Topic": {
    naming: naming("name", 256, "nowhere", "", /^[\w-]+(\.fifo)?$/),
    id: arn("sns"),
    arn: arn("sns"),
  },
  "aws:sns/topicPolicy:TopicPolicy": partOf("arn"),
  "aws:sns/topicSubscription:TopicSubscription": {
    id: ({ inputs, hex }) => `${asText(inputs.topic)}:${hex(32)}`,
    outputs: ({ id }) => ({ arn: id, pendingConfirmation: false }),
    replace: ["topic", "protocol", "endpoint"],
  },
  "aws:cloudwatch/eventRule:EventRule": {
    naming: naming("name", 64, "nowhere", "", /^[\w.-]+$/),
    id: name,
    arn: arn("events", "rule/"),
    replace: ["eventBusName"],
  },
  "aws:cloudwatch/eventTarget:EventTarget": { replace: ["rule", "eventBusName"], chosen: ["targetId"] },
  "aws:scheduler/schedule:Schedule": {
    naming: naming("name", 64, "region", "ConflictException", /^[\w.-]+$/),
    id: ({ inputs, name }) => `${asText(inputs.groupName, "default")}/${name}`,
    arn: ({ region, account, inputs, name }) =>
      `arn:aws:scheduler:${region}:${account}:schedule/${asText(inputs.groupName, "default")}/${name}`,
    replace: ["groupName"],
  },
  "aws:scheduler/scheduleGroup:ScheduleGroup": {
    naming: naming("name", 64, "region", "ConflictException", /^[\w.-]+$/),
    id: name,
    arn: arn("scheduler", "schedule-group/"),
  },
  "aws:lambda/function:Function": {
    naming: naming("name", 64, "region", "ResourceConflictException", /^[\w-]+$/),
    id: name,
    arn: arn("lambda", "function:"),
    outputs: ({ arn, region, inputs, hex }) => {
      const version = inputs.publish === true ? "1" : "$LATEST";
      const path = (to: string) => `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${to}/invocations`;
      const qualifiedArn = `${arn}:${version}`;
      return {
        version,
        qualifiedArn,
        invokeArn: path(arn),
        qualifiedInvokeArn: path(qualifiedArn),
        lastModified: hex(32),
        sourceCodeSize: 1000,
        codeSha256: asText(inputs.sourceCodeHash, hex(40)),
      };
    },
    defaults: { memorySize: 128, timeout: 3, packageType: "Zip", publish: false, reservedConcurrentExecutions: -1 },
    changing: ["version", "qualifiedArn", "lastModified"],
    replace: ["packageType"],
  },
  "aws:lambda/alias:Alias": {
    naming: { ...naming("name", 128, "nowhere", "", /^(?!\d+$)[\w-]+$/), automatic: true },
    id: ({ inputs, name }) => `${asText(inputs.functionName)}:${name}`,
    arn: ({ inputs, name, region, account }) => `${functionArn(inputs.functionName, region, account)}:${name}`,
    outputs: ({ arn, region }) => ({
      invokeArn: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
    }),
    replace: ["functionName"],
  },
  "aws:lambda/eventSourceMapping:EventSourceMapping": {
    id: ({ hex }) => uuid(hex(32)),
    outputs: ({ id, region, account, inputs }) => ({
      uuid: id,
      arn: `arn:aws:lambda:${region}:${account}:event-source-mapping:${id}`,
      functionArn: functionArn(inputs.functionName, region, account),
      state: "Enabled",
    }),
    defaults: { enabled: true },
    replace: ["eventSourceArn"],
  },
  "aws:lambda/permission:Permission": {
    id: ({ inputs, name }) => asText(inputs.statementId, name),
    replace: ["action", "function", "principal", "qualifier", "sourceAccount", "sourceArn", "statementId"],
  },
  "aws:lambda/invocation:Invocation": {
    id: ({ inputs, hex }) => `${asText(inputs.functionName)}_$LATEST_${hex(32)}`,
    outputs: invocation("create"),
    updateOutputs: invocation("update"),
    onDelete: invocation("delete"),
    defaults: { qualifier: "$LATEST", lifecycleScope: "CREATE_ONLY" },
    replace: ({ lifecycleScope }) =>
      lifecycleScope === "CRUD" ? ["functionName", "qualifier"] : ["functionName", "qualifier", "input", "triggers"],
  },
};

/** Returns the ARN of a function from its name. An ARN, possibly with a qualifier, is returned unchanged. */
function functionArn(nameOrArn: Properties[string] | undefined, region: string, account: string): string {
  const text = asText(nameOrArn);
  return text.startsWith("arn:") ? text : `arn:aws:lambda:${region}:${account}:function:${text}`;
}
