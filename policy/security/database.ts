import Type from "typebox";
import type { Resource } from "../resource.ts";
import { control, resourceRule, stackRule } from "../rule.ts";
import { DATABASE, PARAMETER_GROUP } from "../types.ts";
import { UNRESOLVED } from "../value.ts";
import { flagRule, HOLDS_DATA, holdsData } from "./flag.ts";

export const databasePrivate = flagRule({
  name: "rds-private",
  control: "RDS.2",
  type: DATABASE,
  property: "publiclyAccessible",
  value: false,
  awsDefault: false,
  description: "A database has no public address.",
  consequence: "the internet reaches it",
});

export const databaseEncrypted = flagRule({
  name: "rds-encrypted",
  control: "RDS.3",
  type: DATABASE,
  property: "storageEncrypted",
  value: true,
  awsDefault: false,
  description: "A database's storage is encrypted.",
  consequence: "its storage and snapshots are not encrypted",
});

export const databaseMultiAz = flagRule({
  name: "rds-multi-az",
  control: "RDS.5",
  type: DATABASE,
  property: "multiAz",
  value: true,
  awsDefault: false,
  dataOnly: true,
  description: "A database that keeps data has a standby in a second zone.",
  consequence: "it is unavailable when its zone fails",
});

export const databaseProtected = flagRule({
  name: "rds-deletion-protection",
  control: "RDS.8",
  type: DATABASE,
  property: "deletionProtection",
  value: true,
  awsDefault: false,
  dataOnly: true,
  description: "A database that keeps data has deletion protection.",
  consequence: "one command deletes it",
});

export const databaseIam = flagRule({
  name: "rds-iam-authentication",
  control: "RDS.10",
  type: DATABASE,
  property: "iamDatabaseAuthenticationEnabled",
  value: true,
  awsDefault: false,
  description: "Clients log in to a database with IAM tokens.",
  consequence: "clients need passwords",
});

export const databaseBackups = resourceRule({
  name: "rds-backups",
  description: "The backups of a database that keeps data are kept for at least a week.",
  framework: control("RDS.11"),
  remediation: "Raise backupRetentionPeriod.",
  presenceOf: ["replicateSourceDb"],
  types: [DATABASE],
  settings: {
    ...HOLDS_DATA,
    days: Type.Integer({ minimum: 1, default: 7, description: "minimum backup retention" }),
  },
  check(database, report, settings) {
    // A replica's data is backed up by its source.
    if (!holdsData(settings) || !database.at("replicateSourceDb").isAbsent) return;
    const days = database.at("backupRetentionPeriod").number(0);
    if (days !== UNRESOLVED && days < settings.days)
      report(
        database,
        `backupRetentionPeriod is ${days}, ${settings.days - days} less than the minimum of ${settings.days} days: raise it.`,
      );
  },
});

/** A password in a program is also stored in its state. */
export const databasePassword = resourceRule({
  name: "rds-managed-password",
  description: "RDS, not the program, generates and stores a database's master password.",
  framework: control("SecretsManager.1"),
  remediation: "Set manageMasterUserPassword to true, and remove password.",
  presenceOf: ["password", "replicateSourceDb"],
  types: [DATABASE],
  check(database, report) {
    if (!database.at("password").isAbsent)
      report(database, "password is set, and therefore in the state: remove it, and set manageMasterUserPassword.");
    else if (database.at("manageMasterUserPassword").flag(false) === false && database.at("replicateSourceDb").isAbsent)
      report(database, "manageMasterUserPassword is not set: set it to true.");
  },
});

export const databaseTls = stackRule({
  name: "rds-force-ssl",
  description: "A Postgres database accepts TLS connections only.",
  framework: control("RDS.38"),
  remediation: "Use a parameter group with rds.force_ssl 1.",
  check(stack, report) {
    const checked = new Set<Resource>();
    for (const database of stack.of(DATABASE)) {
      const groups = database.links("parameterGroupName", PARAMETER_GROUP);
      for (const group of groups) checked.add(group);
      const engine = database.at("engine").text("");
      if (engine !== "postgres") continue;
      const lists = groups.map((group) => group.at("parameters").items());
      if (lists.includes(UNRESOLVED)) continue;
      const forceSsl = lists
        .filter((list) => list !== UNRESOLVED)
        .flat()
        .some(
          (parameter) => parameter.at("name").text("") === "rds.force_ssl" && parameter.at("value").number(0) === 1,
        );
      if (!forceSsl)
        report(
          database,
          "no parameter group of this program sets rds.force_ssl to 1: its connections may be unencrypted.",
        );
    }
    // Parameter groups of other programs' databases.
    for (const group of stack.of(PARAMETER_GROUP)) {
      const parameters = group.at("parameters").items();
      if (checked.has(group) || parameters === UNRESOLVED) continue;
      const forceSsl = parameters.find((parameter) => parameter.at("name").text("") === "rds.force_ssl");
      if (forceSsl?.at("value").number(1) === 0)
        report(group, "rds.force_ssl is 0: connections of its databases may be unencrypted. Set it to 1.");
    }
  },
});

export const DATABASE_RULES = [
  databasePrivate,
  databaseEncrypted,
  databaseMultiAz,
  databaseProtected,
  databaseIam,
  databaseBackups,
  databasePassword,
  databaseTls,
];
