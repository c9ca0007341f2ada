import assert from "node:assert/strict";
import { foreignResource, packFor } from "../testing/foreign.ts";

const BUCKET = "aws:s3/bucket:Bucket";
const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";
const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const QUEUE = "aws:sqs/queue:Queue";
const LISTENER = "aws:lb/listener:Listener";
const policy = (...Statement: Record<string, unknown>[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const requireTls = (value: unknown, operator = "Bool") => ({
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: "*",
  Condition: { [operator]: { "aws:SecureTransport": value } },
});

describe("other programs", () => {
  const findingsOf = packFor("security");

  describe("a bucket", () => {
    const RULES = ["s3-tls-only", "s3-encryption", "s3-lifecycle", "s3-not-public", "s3-block-public-access"];
    const BLOCK = {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    };
    const linkTo = (type: string) => ({ bucket: [type, "data"] as [string, string] });

    it("may have all settings inline, in the deprecated form", async () => {
      const program = [
        foreignResource(BUCKET, "data", {
          policy: policy(requireTls(["false"], "BoolIfExists")),
          lifecycleRules: [{ enabled: true, expiration: { days: 30 } }],
          serverSideEncryptionConfiguration: {
            rule: { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } },
          },
        }),
        foreignResource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "data", BLOCK, linkTo(BUCKET)),
      ];
      assert.deepEqual(await findingsOf(program, ...RULES), []);
    });

    it("must deny every request without TLS, in one or several statements", async () => {
      const findings = (...statements: Record<string, unknown>[]) =>
        findingsOf(
          [foreignResource("aws:s3/bucketPolicy:BucketPolicy", "data", { bucket: "b", policy: policy(...statements) })],
          "s3-tls-only",
        );
      const [bucket, objects] = ["arn:aws:s3:::b", "arn:aws:s3:::b/*"];
      const deny = requireTls("false");
      const complete = [
        [{ ...deny, Action: "*", Resource: [bucket, objects] }],
        [{ ...deny, Resource: "arn:aws:s3:::b*" }],
        [
          { ...deny, Resource: bucket },
          { ...deny, Resource: objects },
        ],
      ];
      for (const statements of complete)
        assert.deepEqual(await findings(...statements), [], JSON.stringify(statements));
      const { Action: _action, ...anyAction } = deny;
      const { Resource: _resource, ...anyResource } = deny;
      const partial = [
        { ...deny, Effect: "Allow" },
        { ...anyAction, NotAction: "s3:GetObject" },
        { ...anyResource, NotResource: objects },
        { ...deny, Action: "sqs:*" },
        { ...deny, Action: ["s3:Get*", "s3:Put*"] },
        { ...deny, Resource: bucket },
        { ...deny, Resource: objects },
        { ...deny, Resource: [bucket, "arn:aws:s3:::b/private/*"] },
        { ...deny, Condition: { ...deny.Condition, StringEquals: { "aws:PrincipalAccount": "333333333333" } } },
        { ...deny, Condition: { Bool: { "aws:SecureTransport": "false", "aws:PrincipalIsAWSService": "false" } } },
        { ...deny, Condition: { Null: { "aws:SecureTransport": "false" } } },
        { ...deny, Condition: {} },
      ];
      for (const statement of partial) assert.equal((await findings(statement)).length, 1, JSON.stringify(statement));
    });

    it("may be a BucketV2 with V2 resources for its settings", async () => {
      const V2 = "aws:s3/bucketV2:BucketV2";
      const program = [
        foreignResource(V2, "data"),
        foreignResource("aws:s3/bucketPolicy:BucketPolicy", "data", { policy: policy(requireTls(false)) }, linkTo(V2)),
        foreignResource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "data", BLOCK, linkTo(V2)),
        foreignResource(
          "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
          "data",
          { rules: [{ id: "all", status: "Enabled" }] },
          linkTo(V2),
        ),
        foreignResource(
          "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
          "data",
          { rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" } }] },
          linkTo(V2),
        ),
      ];
      assert.deepEqual(await findingsOf(program, ...RULES), []);
      assert.equal((await findingsOf(program.slice(0, 1), ...RULES)).length, 4);
    });

    it("is reported when all its lifecycle rules are disabled", async () => {
      const program = [foreignResource(BUCKET, "data", { lifecycleRules: [{ enabled: false }] })];
      assert.equal((await findingsOf(program, "s3-lifecycle")).length, 1);
    });
  });

  describe("settings of resources outside the program", () => {
    const partialBlock = { blockPublicAcls: true, blockPublicPolicy: false, ignorePublicAcls: true };
    const message = "blockPublicPolicy, restrictPublicBuckets are not true: set all four to true.";
    const cases: [label: string, type: string, props: Record<string, unknown>, rule: string, message: string][] = [
      [
        "a public access block of another program's bucket",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        { bucket: "other", ...partialBlock },
        "s3-block-public-access",
        message,
      ],
      [
        "an account's public access block",
        "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
        partialBlock,
        "s3-block-public-access",
        message,
      ],
      [
        "a lifecycle of another program's bucket",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        { bucket: "other", rules: [{ id: "all", status: "Disabled" }] },
        "s3-lifecycle",
        "none of its rules is enabled: enable one.",
      ],
      [
        "a policy of another program's bucket",
        "aws:s3/bucketPolicy:BucketPolicy",
        { bucket: "other", policy: policy() },
        "s3-tls-only",
        "it does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.",
      ],
      [
        "a policy of another program's queue",
        "aws:sqs/queuePolicy:QueuePolicy",
        { queueUrl: "https://sqs.eu-central-1.amazonaws.com/1/other", policy: policy() },
        "sqs-tls-only",
        "it does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.",
      ],
      [
        "parameters of another program's database",
        "aws:rds/parameterGroup:ParameterGroup",
        { family: "postgres18", parameters: [{ name: "rds.force_ssl", value: "0" }] },
        "rds-force-ssl",
        "rds.force_ssl is 0: connections of its databases may be unencrypted. Set it to 1.",
      ],
    ];
    for (const [label, type, props, rule, expected] of cases)
      it(`are reported by their own name: ${label}`, async () => {
        assert.deepEqual(await findingsOf([foreignResource(type, "setting", props)], rule), [`setting: ${expected}`]);
      });
  });

  describe("a queue", () => {
    it("is reported without encryption settings", async () =>
      assert.deepEqual(await findingsOf([foreignResource(QUEUE, "orders")], "sqs-encrypted"), [
        "orders: sqsManagedSseEnabled is not set, and kmsMasterKeyId is missing: set one of them.",
      ]));

    it("may have an inline policy", async () => {
      const tlsRequired = policy({ ...requireTls("false"), Action: "sqs:*" });
      assert.deepEqual(
        await findingsOf([foreignResource(QUEUE, "orders", { policy: tlsRequired })], "sqs-tls-only", "sqs-not-public"),
        [],
      );
      const publicPolicy = policy({ Effect: "Allow", Principal: { AWS: ["*"] }, Action: "sqs:*", Resource: "*" });
      assert.deepEqual(
        await findingsOf(
          [foreignResource(QUEUE, "orders", { policy: publicPolicy })],
          "sqs-tls-only",
          "sqs-not-public",
        ),
        [
          "sqs-not-public orders: its policy allows sqs:* to everyone: name the callers in Principal.",
          "sqs-tls-only orders: its policy orders does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.",
        ],
      );
    });

    it("has neither a key nor a redrive policy when the provider returns empty texts", async () => {
      const defaults = { kmsMasterKeyId: "", redrivePolicy: "", policy: "", sqsManagedSseEnabled: false };
      assert.deepEqual(
        await findingsOf(
          [foreignResource(QUEUE, "orders", defaults)],
          "sqs-encrypted",
          "sqs-receives-before-dead-letter",
        ),
        ["sqs-encrypted orders: sqsManagedSseEnabled is false, and kmsMasterKeyId is missing: set one of them."],
      );
    });

    it("is public unless a condition limits it to fixed callers or to narrow networks", async () => {
      const sendPolicy = (
        Condition: Record<string, unknown>,
        principal: Record<string, unknown> = { Principal: "*" },
      ) => [
        foreignResource("aws:sqs/queuePolicy:QueuePolicy", "orders", {
          policy: policy({ Effect: "Allow", ...principal, Action: "sqs:SendMessage", Resource: "*", Condition }),
        }),
      ];
      const account = "333333333333";
      const topic = `arn:aws:sns:eu-west-1:${account}:orders`;
      const limiting = [
        { ArnEquals: { "aws:SourceArn": topic } },
        { StringEquals: { "AWS:sourceaccount": [account, "444444444444"] }, Bool: { "aws:SecureTransport": "true" } },
        { "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-a/r-b/ou-c/" } },
        { StringLike: { "s3:DataAccessPointArn": `arn:aws:s3:eu-west-1:${account}:accesspoint/*` } },
        { IpAddress: { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.7", "2001:db8::/32"] } },
      ];
      for (const condition of limiting)
        assert.deepEqual(await findingsOf(sendPolicy(condition), "sqs-not-public"), [], JSON.stringify(condition));
      const open = [
        { Bool: { "aws:SecureTransport": "true" } },
        { StringNotEquals: { "aws:PrincipalAccount": account } },
        { Null: { "aws:SourceArn": "true" } },
        { StringEqualsIfExists: { "aws:SourceAccount": account } },
        { "ForAllValues:StringEquals": { "aws:PrincipalOrgID": "o-a" } },
        { StringLike: { "aws:SourceArn": "*" } },
        { ArnLike: { "aws:SourceArn": [topic, "arn:aws:sns:*:*:orders"] } },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy
        { StringEquals: { "aws:PrincipalAccount": "${aws:PrincipalAccount}" } },
        { StringLike: { "s3:DataAccessPointArn": "arn:aws:s3:eu-west-1:*:accesspoint/*" } },
        { IpAddress: { "aws:SourceIp": ["203.0.113.7", "0.0.0.0/1"] } },
        { IpAddress: { "aws:SourceIp": "2000::/3" } },
        { NotIpAddress: { "aws:SourceIp": "203.0.113.7" } },
        { StringEquals: { "aws:SourceAccount": [] } },
      ];
      for (const condition of open)
        assert.equal((await findingsOf(sendPolicy(condition), "sqs-not-public")).length, 1, JSON.stringify(condition));
      const notPrincipal = { NotPrincipal: { AWS: "arn:aws:iam::333333333333:root" } };
      assert.equal((await findingsOf(sendPolicy({}, notPrincipal), "sqs-not-public")).length, 1);
    });
  });

  describe("a security group", () => {
    const RULE = "no-ingress-from-the-world";
    const inline = (ingress: Record<string, unknown>) => foreignResource(SECURITY_GROUP, "web", { ingress: [ingress] });

    it("is reported as open on every port when it allows all protocols", async () => {
      const all = { protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] };
      assert.deepEqual(await findingsOf([inline(all)], RULE), [
        "web: every port is open to everyone: name the security group or the network that may connect.",
      ]);
      const ipv6Rule = { protocol: "tcp", fromPort: 22, toPort: 22, ipv6CidrBlocks: ["0:0:0:0:0:0:0:0/0"] };
      assert.equal((await findingsOf([inline(ipv6Rule)], RULE)).length, 1);
    });

    it("of any type of load balancer may open port 443 to everyone, but no range of ports", async () => {
      const https = { protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] };
      for (const type of [BALANCER, "aws:alb/loadBalancer:LoadBalancer", "aws:elb/loadBalancer:LoadBalancer"]) {
        const balancer = foreignResource(type, "web", {}, { securityGroups: [SECURITY_GROUP, "web"] });
        assert.deepEqual(await findingsOf([inline(https), balancer], RULE), [], type);
        assert.deepEqual(await findingsOf([inline({ ...https, fromPort: 80 }), balancer], RULE), [
          "web: ports 80 to 443 are open to everyone: name the security group or the network that may connect.",
        ]);
        const all = { ...https, protocol: "-1" };
        assert.equal(
          (await findingsOf([inline(all), balancer], RULE)).length,
          1,
          "a rule for all protocols ignores its ports",
        );
      }
    });

    it("may have any egress rule, also of the older type", async () => {
      const rule = (type: string) =>
        foreignResource(
          "aws:ec2/securityGroupRule:SecurityGroupRule",
          type,
          { type, protocol: "tcp", fromPort: 22, toPort: 22, cidrBlocks: ["0.0.0.0/0"] },
          { securityGroupId: [SECURITY_GROUP, "web"] },
        );
      assert.deepEqual(
        await findingsOf([foreignResource(SECURITY_GROUP, "web"), rule("egress"), rule("ingress")], RULE),
        ["ingress: port 22 is open to everyone: name the security group or the network that may connect."],
      );
    });
  });

  describe("a load balancer", () => {
    it("is reported when any listener action serves plain HTTP", async () => {
      const redirect = { type: "redirect", redirect: { protocol: "HTTPS" } };
      const http = (...defaultActions: unknown[]) =>
        findingsOf([foreignResource(LISTENER, "web", { protocol: "HTTP", defaultActions })], "elb-tls");
      assert.deepEqual(await http(redirect), []);
      assert.equal((await http(redirect, { type: "forward" })).length, 1);
    });

    it("must require TLS 1.2 or newer; support for TLS 1.3 is not enough", async () => {
      const accepted = [
        "TLS13-1-2-2021-06",
        "TLS13-1-3-2021-06",
        "TLS13-1-2-Res-PQ-2025-09",
        "TLS-1-2-Ext-2018-06",
        "FS-1-2-Res-2019-08",
      ];
      const refused = ["TLS13-1-0-2021-06", "TLS13-1-1-2021-06", "TLS-1-1-2017-01", "FS-1-1-2019-08", "2016-08"];
      for (const protocol of ["HTTPS", "TLS"]) {
        const listeners = [...accepted, ...refused].map((name) =>
          foreignResource(LISTENER, name, {
            protocol,
            sslPolicy: `ELBSecurityPolicy-${name}`,
            defaultActions: [{ type: "forward" }],
          }),
        );
        assert.deepEqual(
          (await findingsOf(listeners, "elb-tls")).map((message) => message.replace(/:.*/, "")),
          refused,
        );
      }
    });
  });

  describe("a network load balancer", () => {
    it("needs neither header rules nor access logs, but deletion protection", async () => {
      const RULES = ["elb-drop-invalid-headers", "elb-access-logs", "elb-deletion-protection"];
      const balancer = foreignResource(BALANCER, "tcp", { loadBalancerType: "network" });
      assert.deepEqual(await findingsOf([balancer], ...RULES), [
        "elb-deletion-protection tcp: enableDeletionProtection is not set, so one command takes the service offline: set it to true.",
      ]);
    });
  });

  describe("instances and tasks", () => {
    const INSTANCE = "aws:ec2/instance:Instance";
    const TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";

    it("inherit metadata options from their template only when they have none", async () => {
      const tokens = (props: Record<string, unknown>) =>
        findingsOf([foreignResource(INSTANCE, "web", props)], "ec2-imdsv2");
      assert.deepEqual(await tokens({ launchTemplate: { id: "lt-1" } }), []);
      assert.equal(
        (await tokens({ launchTemplate: { id: "lt-1" }, metadataOptions: { httpTokens: "optional" } })).length,
        1,
      );
      assert.equal((await tokens({})).length, 1);
    });

    it("must encrypt every volume, including the root volume", async () => {
      const volumes = (type: string, props: Record<string, unknown>) =>
        findingsOf([foreignResource(type, "web", props)], "ec2-volumes-encrypted");
      assert.deepEqual(await volumes(INSTANCE, { ebsBlockDevices: [{ encrypted: true }] }), [
        "web: rootBlockDevice.encrypted is not true: set it to true.",
      ]);
      assert.deepEqual(await volumes(INSTANCE, { rootBlockDevice: { encrypted: true } }), []);
      const root = { deviceName: "/dev/xvda", ebs: { encrypted: "true" } };
      const store = { deviceName: "/dev/sdb", virtualName: "ephemeral0" };
      assert.deepEqual(await volumes(TEMPLATE, { blockDeviceMappings: [root, store] }), []);
      assert.deepEqual(await volumes(TEMPLATE, { blockDeviceMappings: [store] }), [
        "web: no volume is configured as encrypted: add the root volume, encrypted.",
      ]);
    });
  });

  describe("a database", () => {
    const DATABASE = "aws:rds/instance:Instance";

    it("that is a replica inherits backups and password from its source", async () => {
      const replica = { engine: "postgres", replicateSourceDb: "db" };
      assert.deepEqual(
        await findingsOf([foreignResource(DATABASE, "copy", replica)], "rds-backups", "rds-managed-password"),
        [],
      );
    });
  });

  describe("permissions", () => {
    const ROLE = "aws:iam/role:Role";
    const RULES = ["iam-no-wildcards", "iam-no-service-wildcards"];
    const all = (Action: string, Resource = "*") => policy({ Effect: "Allow", Action, Resource });

    it("are read from roles, users and groups", async () => {
      const program = [
        foreignResource(ROLE, "app", {
          inlinePolicies: [{ name: "own", policy: all("s3:*") }],
          managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"],
        }),
        foreignResource("aws:iam/userPolicy:UserPolicy", "user", { policy: all("*") }),
        foreignResource("aws:iam/groupPolicy:GroupPolicy", "group", {
          policy: all("sqs:*", "arn:aws:sqs:eu-west-1:333333333333:q"),
        }),
        foreignResource("aws:iam/userPolicyAttachment:UserPolicyAttachment", "given", {
          policyArn: "arn:aws:iam::aws:policy/PowerUserAccess",
        }),
      ];
      assert.deepEqual(await findingsOf(program, ...RULES), [
        "iam-no-wildcards app: it attaches AdministratorAccess: write a policy with the needed permissions.",
        "iam-no-wildcards app: its policy allows s3:* on every resource: name the actions and the resources.",
        "iam-no-wildcards user: its policy allows * on every resource: name the actions and the resources.",
        "iam-no-service-wildcards group: its policy allows sqs:*: name the actions.",
        "iam-no-wildcards given: it attaches PowerUserAccess: write a policy with the needed permissions.",
      ]);
    });

    it("count as all actions when a policy uses NotAction", async () => {
      const allExceptIam = { Effect: "Allow", NotAction: "iam:*", Resource: "*" };
      const role = (statement: Record<string, unknown>) => [
        foreignResource("aws:iam/rolePolicy:RolePolicy", "app", { policy: policy(statement) }),
      ];
      assert.equal((await findingsOf(role(allExceptIam), ...RULES)).length, 1);
      assert.equal((await findingsOf(role({ ...allExceptIam, Effect: "Deny" }), ...RULES)).length, 0);
    });

    it("are reported for a function that everyone may invoke, unless a source limits it", async () => {
      const PERMISSION = "aws:lambda/permission:Permission";
      const RULE = "lambda-permission-source";
      assert.deepEqual(await findingsOf([foreignResource(PERMISSION, "open", { principal: "*" })], RULE), [
        "open: everyone may invoke the function: name the principal.",
      ]);
      assert.deepEqual(
        await findingsOf([foreignResource(PERMISSION, "own", { principal: "*", principalOrgId: "o-1" })], RULE),
        [],
      );
      assert.deepEqual(
        await findingsOf([foreignResource(PERMISSION, "account", { principal: "333333333333" })], RULE),
        [],
      );
    });
  });

  describe("a variable", () => {
    const messagesFor = async (variables: Record<string, unknown>) =>
      (
        await findingsOf(
          [foreignResource("aws:lambda/function:Function", "app", { environment: { variables } })],
          "no-plain-secrets",
        )
      ).map((message) => message.replace(/^app: (\S+).*/, "$1"));

    it("is not a secret if it only refers to a secret or describes one", async () => {
      const arn = "arn:aws:secretsmanager:eu-west-1:333333333333:secret:db";
      assert.deepEqual(
        await messagesFor({
          DB_SECRET: arn,
          DB_PASSWORD_ARN: "x",
          TOKEN_ISSUER: "https://issuer",
          MAX_TOKENS: "4096",
          PASSWORD_MIN_LENGTH: "12",
          REQUIRE_TOKEN: "true",
          API_KEY: "",
          SECRET_NAME: "db",
          secretId: "db",
        }),
        [],
      );
    });

    it("is a secret because of its name or the form of its value", async () => {
      const secretNames = [
        "DB_PASSWORD",
        "API_TOKEN",
        "CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "SECRET_VALID",
        "apiKey",
      ];
      assert.deepEqual(
        await messagesFor(Object.fromEntries(secretNames.map((name) => [name, "hunter2"]))),
        secretNames.toSorted(),
      );
      assert.deepEqual(await messagesFor({ KEY: "AKIAABCDEFGHIJKLMNOP", AT: "postgres://me:pass@host/db" }), [
        "AT",
        "KEY",
      ]);
    });

    it("in an instance's user data is checked too", async () => {
      const KEY = "export KEY=AKIAABCDEFGHIJKLMNOP";
      const instance = (props: Record<string, unknown>) =>
        findingsOf([foreignResource("aws:ec2/instance:Instance", "app", props)], "no-plain-secrets");
      assert.equal((await instance({ userData: KEY })).length, 1);
      assert.equal((await instance({ userDataBase64: Buffer.from(KEY).toString("base64") })).length, 1);
      assert.equal((await instance({ userData: "echo hello" })).length, 0);
    });
  });
});
