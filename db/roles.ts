import type pg from "pg";
import { ROLES } from "../runtime/jobs/database.ts";

/**
 * Lets every role of the platform log in with `password`: outside the cloud one password serves all, where the cloud
 * has a token for each. Roles belong to the cluster, so this holds for all its databases. Needs the superuser's client.
 */
export async function letRolesLogIn(client: pg.Client, password: string): Promise<void> {
  for (const role of ROLES) await client.query(`alter role ${role} login password ${client.escapeLiteral(password)}`);
}
