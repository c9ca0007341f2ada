import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** A certificate and its private key, both as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority of a test. */
export interface Authority {
  /** Its own certificate as PEM, with which clients verify the certificates that it issues. */
  readonly certificate: string;
  /** Issues a certificate for a common name, valid for these host names and IPv4 addresses. */
  issue(commonName: string, hosts?: readonly string[]): Certificate;
}

/**
 * Creates a certificate authority with its own key, valid for a day. Node.js creates keys and signatures but no
 * certificates; the few ASN.1 types of X.509 (RFC 5280) are encoded here.
 */
export function createAuthority(commonName: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { name: commonName, key: privateKey };
  return {
    certificate: certificate(commonName, publicKey, issuer, [extension("2.5.29.19", true, sequence(boolean(true)))]),
    issue(subject, hosts = []) {
      const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const names = hosts.length === 0 ? [] : [extension("2.5.29.17", false, sequence(...hosts.map(generalName)))];
      return {
        certificate: certificate(subject, keys.publicKey, issuer, names),
        key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

const DAY_MS = 24 * 3_600_000;

function certificate(
  subject: string,
  key: KeyObject,
  issuer: { name: string; key: KeyObject },
  extensions: readonly Buffer[],
): string {
  const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));
  const now = Date.now();
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    // The serial number is positive, since its first byte is below 128.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name(issuer.name),
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    name(subject),
    key.export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
  );
  const signature = sign("sha256", body, issuer.key);
  const der = sequence(body, ecdsaWithSha256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const boolean = (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0]));
const utf8 = (text: string): Buffer => tagged(0x0c, Buffer.from(text));

/** Encodes a name with only a common name. */
const name = (text: string): Buffer => sequence(tagged(0x31, sequence(objectId("2.5.4.3"), utf8(text))));

/** Encodes a UTCTime: YYMMDDHHMMSSZ. */
const time = (milliseconds: number): Buffer =>
  tagged(0x17, Buffer.from(`${new Date(milliseconds).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(objectId(id), ...(critical ? [boolean(true)] : []), tagged(0x04, value));

/** Encodes a DNS name or an IPv4 address. */
const generalName = (host: string): Buffer =>
  isIP(host) === 4 ? tagged(0x87, Buffer.from(host.split(".").map(Number))) : tagged(0x82, Buffer.from(host));

function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let remaining = value >> 7; remaining > 0; remaining >>= 7) bytes.unshift((remaining & 0x7f) | 0x80);
  return bytes;
}
