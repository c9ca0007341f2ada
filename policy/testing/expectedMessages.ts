/** Expected messages of the rules, by the label of a mutant. */
export const EXPECTED_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  "a provider without allowed accounts": [
    'shop-queues-responses: its provider account allows any account: set allowedAccountIds to ["333333333333"].',
  ],
  "a provider of another account": [
    "shop-queues-responses: its provider account allows the accounts 999999999999: it must allow 333333333333 only.",
  ],
  "a provider of two accounts": [
    "shop-queues-responses: its provider account allows the accounts 333333333333, 999999999999: it must allow 333333333333 only.",
  ],
  "a hundred load balancers": [
    "mutant-148: the program creates 101 load balancers, 51 more than the quota (L-53DA6B97) of 50: create fewer, or have the quota raised.",
  ],
  "a long name of the load balancer": [
    'shop-api: name "rates-prod-api-in-the-middle-of-europe" has 38 characters, 6 more than AWS\'s maximum of 32: shorten it.',
  ],
  "an apostrophe in the description of a rule": [
    'shop-migrations: description has "\'": EC2 accepts only ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*.',
  ],
  "a description of 256 characters": [
    "mutant: description has 256 characters, 1 more than EC2's maximum of 255: shorten it.",
  ],
  "a non-ASCII letter in the description of an inline rule": [
    'mutant: egress[0].description has "ü": EC2 accepts only ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*.',
  ],
  "a greater-than sign in the description of an egress rule": [
    'mutant: description has ">": EC2 accepts only ASCII letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*.',
  ],
  "a visibility timeout of 30 s": [
    "shop-queues-requests: visibilityTimeoutSeconds is 30, 330 s less than 6 × the timeout of shop-dispatcher (60 s) and its batch window (0 s): set it to 360 or more.",
  ],
  "a function of 15 minutes": [
    "shop-queues-requests: visibilityTimeoutSeconds is 360, 5040 s less than 6 × the timeout of shop-dispatcher (900 s) and its batch window (0 s): set it to 5400 or more.",
    "shop-queues-wakeups: visibilityTimeoutSeconds is 360, 5040 s less than 6 × the timeout of shop-dispatcher (900 s) and its batch window (0 s): set it to 5400 or more.",
  ],
  "a batch window of 5 minutes": [
    "shop-queues-requests: visibilityTimeoutSeconds is 360, 300 s less than 6 × the timeout of shop-dispatcher (60 s) and its batch window (300 s): set it to 660 or more.",
  ],
  "dead letters after two receives": [
    "shop-queues-requests: maxReceiveCount is 2, 3 less than the minimum of 5: throttles would use it up. Raise it.",
  ],
  "dead letters for four days": [
    "shop-queues-dead: messageRetentionSeconds is 345600, not more than the 604800 of shop-queues-requests, whose messages keep their age: raise it.",
  ],
  "responses for an hour": [
    "shop-queues-responses: messageRetentionSeconds is 3600, 342000 s less than the maximum absence of its readers (345600 s): raise it.",
  ],
  "a visibility timeout of a day": [
    "shop-queues-requests: visibilityTimeoutSeconds is 86400, 43200 s more than SQS's maximum: set it between 0 and 43200.",
  ],
  "messages of 2 MiB": [
    "shop-queues-requests: maxMessageSize is 2097152, 1048576 bytes more than SQS's maximum: set it between 1024 and 1048576.",
  ],
  "more batches than reserved executions": [
    "shop-dispatcher: its queues may deliver 102 batches at once (shop-dispatcher-requests, shop-dispatcher-wakeups), 88 more than its 14 reserved executions: lower their scalingConfig.maximumConcurrency, or reserve more.",
  ],
  "an event source without maximum concurrency": [
    "shop-dispatcher-requests: scalingConfig.maximumConcurrency is not set, so Lambda processes up to 1,000 batches at once: set it.",
  ],
  "a maximum concurrency of 1": [
    "shop-dispatcher-wakeups: scalingConfig.maximumConcurrency is 1: Lambda accepts 2 to 1000.",
  ],
  "batches that fail as a whole": [
    "shop-dispatcher-requests: functionResponseTypes are not set, so one failed message of 10 returns all of them: set ReportBatchItemFailures.",
  ],
  "a function that reserves more executions than AWS allows": [
    "shop-migrations: the program's functions reserve 964 executions, 64 more than the 900 that can be reserved, since AWS keeps 100 of the account's 1000 unreserved: lower reservedConcurrentExecutions (950 here), or have quota L-B99A9384 raised.",
  ],
  "a function of 128 GB": ["shop-dispatcher: memorySize is 131072 MB: Lambda accepts 128 to 10240."],
  "more Glue runs than the quota": [
    "shop-glue: executionProperty.maxConcurrentRuns is 5000, 4000 more than Glue's maximum of 1000 per job (L-F574AED9): lower it.",
    "shop-glue: the program's jobs may have 5000 runs at once, 3000 more than the quota of 2000 (L-5E4153CA): lower executionProperty.maxConcurrentRuns (5000 here).",
  ],
  "Glue runs of a whole DPU": [
    "shop-glue: the program's runs may use 1001 DPUs at once, 1 more than the quota of 1000 (L-08F3B322): lower executionProperty.maxConcurrentRuns (1001 here) or the size of a run (1).",
  ],
  "a Glue job without timeout": ["shop-glue: timeout is not set, so Glue stops a run only after 2880 minutes: set it."],
  "a Python shell of half a DPU": ["shop-glue: maxCapacity is 0.5: a Python shell accepts 0.0625 or 1 DPU."],
  "queued Glue runs that are retried": ["shop-glue: maxRetries is 3 with jobRunQueuingEnabled: Glue accepts 0 only."],
  "a max_connections of 200": [
    "shop-database: 608 connections may be open at once (shop-migrations 4, shop-dispatcher 56, shop-glue 300, shop-ec2 8, shop-api 240), 418 more than the 190 usable connections of the 200 that shop-database sets as max_connections: raise max_connections, with a larger instanceClass if necessary, or lower one of these numbers.",
  ],
  "a function of 1,100 executions": [
    "shop-database: 5004 connections may be open at once (shop-migrations 4400, shop-dispatcher 56, shop-glue 300, shop-ec2 8, shop-api 240), 1410 more than the 3594 usable connections of the 3604 that shop-database sets as max_connections: raise max_connections, with a larger instanceClass if necessary, or lower one of these numbers.",
  ],
  "backups for a year": [
    "shop-database: backupRetentionPeriod is 365 days, 330 more than RDS's maximum of 35: lower it.",
  ],
  "instances of an unknown type": [
    "shop-ec2: the vCPUs of c99.metal in this quota are unknown: enter them under `vcpus` in the pack's configuration.",
  ],
  "tasks of 16 vCPUs": [
    "shop-api: the program's tasks may have 384 vCPUs at once, 344 more than the quota of 40 (L-3032A538): lower maxCapacity, cpu or deploymentMaximumPercent.",
  ],
  "inline policies that exceed the limit of a role": [
    "shop-dispatcher: its inline policies have 16076 characters, 5836 more than IAM's maximum of 10240: shorten them, or attach a managed policy.",
  ],
  "a queue policy with 51 accounts": [
    "shop-queues-requests: its policy names 51 principals, 1 more than SQS's maximum of 50: name fewer.",
  ],
  "user data of 20 KB": [
    "shop-ec2: userData has 20000 bytes, 3616 more than EC2's maximum of 16384: download large files from a bucket instead.",
  ],
  "a budget of 10 dollars": [
    "shop-monitoring: fixed cost is about 1882 US dollars per month, 1872 more than the budget of 10: shop-database 987, shop 710, shop-api 124.",
  ],
  "a public database": ["shop-database: publiclyAccessible is true, so the internet reaches it: set it to false."],
  "a database without encryption": [
    "shop-database: storageEncrypted is false, so its storage and snapshots are not encrypted: set it to true.",
  ],
  "a database in one zone": [
    "shop-database: multiAz is false, so it is unavailable when its zone fails: set it to true.",
  ],
  "a database without deletion protection": [
    "shop-database: deletionProtection is false, so one command deletes it: set it to true.",
  ],
  "a database without IAM authentication": [
    "shop-database: iamDatabaseAuthenticationEnabled is false, so clients need passwords: set it to true.",
  ],
  "backups for a day": ["shop-database: backupRetentionPeriod is 1, 6 less than the minimum of 7 days: raise it."],
  "a master password in the program": [
    "shop-database: password is set, and therefore in the state: remove it, and set manageMasterUserPassword.",
  ],
  "a database without a managed password": ["shop-database: manageMasterUserPassword is not set: set it to true."],
  "a database without TLS": [
    "shop-database: no parameter group of this program sets rds.force_ssl to 1: its connections may be unencrypted.",
  ],
  "a bucket policy that does not require TLS": [
    "shop-buckets-uploads: its policy shop-buckets-uploads does not deny all requests without TLS: add a statement that denies them when aws:SecureTransport is false.",
  ],
  "a bucket without policy": ["shop-buckets-results: it has no policy that denies requests without TLS: add one."],
  "a bucket without a full public access block": [
    "shop-buckets-results: blockPublicPolicy is not true: add a BucketPublicAccessBlock that sets all four to true.",
  ],
  "a bucket without lifecycle rules": [
    "shop-buckets-results: it has no enabled lifecycle rule, so its objects are never deleted: add one.",
  ],
  "a bucket without an encryption setting": [
    "shop-buckets-results: it does not configure encryption: add a BucketServerSideEncryptionConfiguration.",
  ],
  "a public bucket": [
    "shop-buckets-results: its policy allows sqs:SendMessage to everyone: name the callers in Principal.",
  ],
  "a queue without encryption": [
    "shop-queues-requests: sqsManagedSseEnabled is false, and kmsMasterKeyId is missing: set one of them.",
  ],
  "a queue without policy": ["shop-queues-requests: it has no policy that denies requests without TLS: add one."],
  "a public queue": [
    "shop-queues-requests: its policy allows sqs:SendMessage to everyone: name the callers in Principal.",
  ],
  "a topic without encryption": ["shop-monitoring: kmsMasterKeyId is not set: set it to a customer managed key."],
  "a repository without image scanning": [
    "shop-images: imageScanningConfiguration.scanOnPush is false, so known vulnerabilities are not found: set it to true.",
  ],
  "a repository with mutable tags": ["shop-images: imageTagMutability is MUTABLE: set it to IMMUTABLE."],
  "a database open to the internet": [
    "shop-migrations: port 5432 is open to everyone: name the security group or the network that may connect.",
  ],
  "port 22 open to the internet in an inline rule": [
    "mutant: port 22 is open to everyone: name the security group or the network that may connect.",
  ],
  "port 22 open to the internet in a separate rule": [
    "mutant: port 22 is open to everyone: name the security group or the network that may connect.",
  ],
  "port 443 of other resources open to the internet": [
    "mutant: port 443 is open to everyone: name the security group or the network that may connect.",
  ],
  "a load balancer that forwards invalid headers": [
    "shop-api: dropInvalidHeaderFields is false, so requests can be smuggled past it: set it to true.",
  ],
  "a load balancer without deletion protection": [
    "shop-api: enableDeletionProtection is false, so one command takes the service offline: set it to true.",
  ],
  "a load balancer without logs": ["shop-api: accessLogs are not enabled: set them with a bucket."],
  "a listener with plain HTTP": ["shop-api-http: it serves plain HTTP to the internet: redirect to HTTPS."],
  "a listener with TLS 1.0": [
    "shop-api-https: sslPolicy is ELBSecurityPolicy-2016-08, so outdated versions of TLS are accepted: set one of TLS 1.2 or newer.",
  ],
  "a role with all permissions": [
    "shop-dispatcher: its policy allows * on every resource: name the actions and the resources.",
  ],
  "all actions on all queues": [
    "shop-dispatcher: its policy allows sqs:* on every resource: name the actions and the resources.",
  ],
  "a role with the policy AdministratorAccess": [
    "shop-database-monitoring-AmazonRDSEnhancedMonitoringRole: it attaches AdministratorAccess: write a policy with the needed permissions.",
  ],
  "all actions of a service": ["shop-dispatcher: its policy allows sqs:*: name the actions."],
  "a role that everyone may assume": ["shop-dispatcher: everyone may assume it: name the principals in Principal."],
  "a function permission without source": [
    "shop-dispatcher-schedule: events.amazonaws.com may invoke the function on behalf of any account: set sourceArn or sourceAccount.",
  ],
  "a secret without rotation": ["mutant: it is never rotated: add a SecretRotation."],
  "a key without rotation": ["shop-monitoring: enableKeyRotation is not true: set it to true."],
  "instances that allow IMDSv1": ["shop-ec2: metadataOptions.httpTokens is optional: set it to required."],
  "a volume without encryption": ["shop-ec2: blockDeviceMappings[0].ebs.encrypted is not true: set it to true."],
  "instances with public addresses": ["shop-ec2: associatePublicIpAddress is true: set it to false."],
  "tasks with public addresses": ["shop-api: networkConfiguration.assignPublicIp is true: set it to false."],
  "a container with a writable root file system": ["shop-api: container api: readonlyRootFilesystem is not true."],
  "a container that runs as root": ["shop-api: container api: user is root."],
  "a privileged container": ["shop-api: container api: privileged is true."],
  "a search domain without encryption at rest": [
    "shop: encryptAtRest.enabled is false, so documents are stored unencrypted: set it to true.",
  ],
  "a public search domain": [
    "shop: vpcOptions are not set, so its endpoint is public: set subnets and security groups.",
  ],
  "a search domain without encryption between nodes": [
    "shop: nodeToNodeEncryption.enabled is false, so documents travel unencrypted between nodes: set it to true.",
  ],
  "TLS 1.0 to the search domain": [
    "shop: domainEndpointOptions.tlsSecurityPolicy is Policy-Min-TLS-1-0-2019-07: set it to Policy-Min-TLS-1-2-PFS-2023-10.",
  ],
  "a token in a function's environment": [
    "shop-dispatcher: API_TOKEN looks like a secret in plain text: store it in Secrets Manager and pass its name.",
  ],
  "a password in a database URL": [
    "shop-dispatcher: DATABASE_URL looks like a secret in plain text: store it in Secrets Manager and pass its name.",
  ],
  "an access key among a container's variables": [
    "shop-api: KEY looks like a secret in plain text: store it in Secrets Manager and pass its name.",
  ],
  "a password among a job's arguments": [
    "shop-glue: --database-password looks like a secret in plain text: store it in Secrets Manager and pass its name.",
  ],
  "logs without retention": [
    "shop-dispatcher: retentionInDays is not set, so logs are kept and charged forever: set it.",
  ],
};
