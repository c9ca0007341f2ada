import { taskStart } from "./api.ts";
import { actionsOn, type Component, on } from "./component.ts";
import { smokeTask } from "./smoke.ts";
import type { StackNames } from "./stackNames.ts";

/** Returns the roles that AWS services use for a stack, and the tasks that operators start. */
export function serviceComponents(names: StackNames): Component[] {
  const flowLogs = names.writesLogs("network-flow");
  const group = flowLogs[0]?.resource.replace(/:log-stream:.*$/, "");
  return [
    taskStart("api-start", names, "api"),
    taskStart("access-start", names),
    taskStart("smoke-start", names, "smoke"),
    smokeTask(names),
    {
      role: "access",
      service: "ecs-tasks.amazonaws.com",
      calls: {},
      services: {
        // Amazon ECS Developer Guide, ECS Exec: permissions of the task role.
        "Systems Manager's agent opens channels": on("ssmmessages:CreateControlChannel", "*").concat(
          on("ssmmessages:CreateDataChannel", "*"),
          on("ssmmessages:OpenControlChannel", "*"),
          on("ssmmessages:OpenDataChannel", "*"),
        ),
      },
      uncalled: {},
      denied: {
        "logs in to the database": { action: "rds-db:connect", resource: names.databaseUser("api_reader") },
        "sends requests": { action: "sqs:SendMessage", resource: names.queues.requests },
        "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
        "opens a session": { action: "ssm:StartSession", resource: names.arnOf("ec2", "instance/i-1") },
      },
    },
    {
      role: "network-flow",
      service: "vpc-flow-logs.amazonaws.com",
      calls: {},
      services: {
        // Amazon VPC User Guide, IAM role for publishing flow logs to CloudWatch Logs.
        "EC2 writes flow logs": [
          ...flowLogs,
          ...on("logs:DescribeLogStreams", `${group}:log-stream:`),
          ...on("logs:DescribeLogGroups", "*"),
        ],
      },
      uncalled: {},
      denied: {
        "reads flow logs": { action: "logs:GetLogEvents", resource: `${group}:log-stream:one` },
        "writes the API's log": { action: "logs:PutLogEvents", resource: names.logStreamOf("api") },
        "creates a stream in the API's log": { action: "logs:CreateLogStream", resource: names.logStreamOf("api") },
        "lists streams of the API's log": { action: "logs:DescribeLogStreams", resource: names.logStreamOf("api") },
      },
    },
    {
      role: "database-monitoring",
      service: "monitoring.rds.amazonaws.com",
      calls: {},
      services: {
        // Amazon RDS User Guide, IAM role for Enhanced Monitoring: all metrics are in the group RDSOSMetrics.
        "RDS writes metrics": [
          ...actionsOn(names.arnOf("logs", "log-group:RDSOSMetrics"), "logs:CreateLogGroup", "logs:PutRetentionPolicy"),
          ...actionsOn(
            names.logStream("RDSOSMetrics"),
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:GetLogEvents",
          ),
          ...on("logs:DescribeLogStreams", names.logStream("RDSOSMetrics")),
        ].map((authorization) => ({ ...authorization, isUnrestricted: true })),
      },
      uncalled: {},
      denied: {
        "writes the API's log": { action: "logs:PutLogEvents", resource: names.logStreamOf("api") },
        "describes the API's log streams": {
          action: "logs:DescribeLogStreams",
          resource: names.logStreamOf("api"),
        },
        "reads the API's log": { action: "logs:GetLogEvents", resource: names.logStreamOf("api") },
        "creates a stream in the API's log": { action: "logs:CreateLogStream", resource: names.logStreamOf("api") },
        "creates another log group": {
          action: "logs:CreateLogGroup",
          resource: names.arnOf("logs", "log-group:other"),
        },
      },
    },
  ];
}
