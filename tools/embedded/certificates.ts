import "reflect-metadata"; // @peculiar/x509 does not load without it
import { createPrivateKey, randomBytes, type webcrypto, X509Certificate } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as X509,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says of its holder. */
export interface Subject {
  /** Common name: to Kubernetes, the user. */
  readonly name: string;
  /** Organization: to Kubernetes, the user's group. */
  readonly group?: string;
  /** Names and addresses at which the holder serves; none for a client. */
  readonly serves?: { readonly dns: readonly string[]; readonly ip: readonly string[] };
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 730;
/** A certificate with less time left is made anew at the next start. */
const RENEW_BEFORE_DAYS = 30;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate authority that signs certificates but no further authorities. ECDSA P-256, 10 years. */
export async function createAuthority(name: string): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...validity(AUTHORITY_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await privateKeyPem(keys.privateKey) };
}

/** A certificate for a client, and for a server where `subject.serves` is given. ECDSA P-256, 2 years. */
export async function issueCertificate(authority: KeyPair, subject: Subject): Promise<KeyPair> {
  const keys = await generateKeys();
  const issuer = new X509(authority.certificate);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [subject.name] }, ...(subject.group === undefined ? [] : [{ O: [subject.group] }])],
    issuer: issuer.subjectName,
    ...validity(LEAF_DAYS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...purposes(subject),
    ],
  });
  return { certificate: certificate.toString("pem"), key: await privateKeyPem(keys.privateKey) };
}

/** Why the pair cannot be used, or undefined when it can: it belongs together and has 30 days left. */
export function keyPairDefect(pair: KeyPair, authority: KeyPair, now = new Date()): string | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return "key and certificate do not match";
    if (!certificate.verify(new X509Certificate(authority.certificate).publicKey)) {
      return "it was not signed by the cluster's certificate authority";
    }
    const left = certificate.validToDate.getTime() - now.getTime();
    return left < RENEW_BEFORE_DAYS * DAY_MS ? `it expires on ${certificate.validTo}` : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function purposes(subject: Subject): Extension[] {
  if (subject.serves === undefined) return [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])];
  const { dns, ip } = subject.serves;
  return [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension([
      ...dns.map((value) => ({ type: "dns" as const, value })),
      ...ip.map((value) => ({ type: "ip" as const, value })),
    ]),
  ];
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  // An hour back: the clock of a laptop that slept may step.
  const notBefore = new Date(Date.now() - 3_600_000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + days * DAY_MS) };
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  // Positive and without a leading zero octet, as RFC 5280 wants it.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return await crypto.subtle.importKey("pkcs8", new Uint8Array(der), ALGORITHM, false, ["sign"]);
}
