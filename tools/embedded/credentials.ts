import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Log } from "../lib/log.ts";
import {
  createAuthority,
  issueCertificate,
  type KeyPair,
  keyPairDefect,
  type Subject,
} from "./certificates.ts";
import { readIfExists, writePrivate, writePrivateJson } from "./files.ts";
import { kubeconfig } from "./kubeconfig.ts";
import type { Layout } from "./layout.ts";
import { serviceAddress } from "./network.ts";
import type { Ports } from "./ports.ts";

const valuesSchema = z.strictObject({
  adminToken: z.string().min(32),
  minioAccessKey: z.string().min(8),
  minioSecretKey: z.string().min(32),
});

type Values = z.infer<typeof valuesSchema>;

/** Everything secret of a cluster, and where its parts find it. */
export interface Credentials extends Values {
  readonly authority: KeyPair;
  /** Path of a file in the folder of secrets. */
  readonly path: (file: string) => string;
}

const loopback = { dns: ["localhost"], ip: ["127.0.0.1"] };

/** Certificates by file name, with the authority that signs them. */
const leaves: Readonly<Record<string, { authority: "ca" | "etcd-ca"; subject: Subject }>> = {
  "kube-apiserver": {
    authority: "ca",
    subject: {
      name: "kube-apiserver",
      serves: {
        dns: [
          "localhost",
          "kubernetes",
          "kubernetes.default",
          "kubernetes.default.svc",
          "kubernetes.default.svc.cluster.local",
        ],
        ip: ["127.0.0.1", serviceAddress],
      },
    },
  },
  "kube-controller-manager": {
    authority: "ca",
    subject: { name: "system:kube-controller-manager", serves: loopback },
  },
  "kube-scheduler": { authority: "ca", subject: { name: "system:kube-scheduler", serves: loopback } },
  kwok: { authority: "ca", subject: { name: "mlops:kwok", serves: loopback } },
  etcd: { authority: "etcd-ca", subject: { name: "etcd", serves: loopback } },
  // An authority of its own: with one for all, whoever gets a client certificate signed by the cluster
  // (a CertificateSigningRequest is enough) could read every Secret past RBAC.
  "etcd-client": { authority: "etcd-ca", subject: { name: "kube-apiserver" } },
};

/** Parts that reach the API server by certificate. */
const apiClients = ["kube-controller-manager", "kube-scheduler", "kwok"] as const;

/**
 * Makes what a new cluster needs, or reads what an old one has. Certificates that are missing, damaged or
 * about to expire are made anew, because any can be; what others remember or data depends on cannot.
 *
 * @throws Error naming the file, if one of those is missing or damaged although the cluster has data.
 */
export async function ensureCredentials(layout: Layout, ports: Ports, log: Log): Promise<Credentials> {
  const path = (file: string): string => join(layout.secrets, file);
  // The file is written last: where it is, the rest was complete once.
  if (!existsSync(path("credentials.json")) && !hasData(layout)) await createIdentity(path);
  const authorities = { ca: readAuthority(path, "ca"), "etcd-ca": readAuthority(path, "etcd-ca") };
  const values = readValues(path("credentials.json"));
  readEncryptionKey(path("encryption.json"));
  writePrivate(path("service-account.pub"), publicKeyOf(path("service-account.key")));
  for (const [name, leaf] of Object.entries(leaves)) {
    await ensureLeaf(path, name, authorities[leaf.authority], leaf.subject, log);
  }
  writePrivate(path("tokens.csv"), `${values.adminToken},admin,admin,"system:masters"\n`);
  writeKubeconfigs(layout, path, ports, authorities.ca, values);
  return { ...values, authority: authorities.ca, path };
}

/** What an administrator's client needs to reach the API server of a cluster that was started before. */
export function adminAccess(layout: Layout): { readonly authority: string; readonly token: string } {
  return {
    authority: mustRead(join(layout.secrets, "ca.crt")),
    token: readValues(join(layout.secrets, "credentials.json")).adminToken,
  };
}

function hasData(layout: Layout): boolean {
  return existsSync(join(layout.etcdData, "member"));
}

/** Makes what must stay the same for the cluster's life. */
async function createIdentity(path: (file: string) => string): Promise<void> {
  for (const name of ["ca", "etcd-ca"]) {
    const authority = await createAuthority(`mlops-embedded ${name}`);
    writePrivate(path(`${name}.crt`), authority.certificate);
    writePrivate(path(`${name}.key`), authority.key);
  }
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writePrivate(path("service-account.key"), privateKey.export({ format: "pem", type: "pkcs8" }).toString());
  writePrivateJson(path("encryption.json"), encryptionConfiguration(randomBytes(32)));
  const values: Values = {
    adminToken: randomBytes(32).toString("hex"),
    minioAccessKey: `mlops-${randomBytes(6).toString("hex")}`,
    minioSecretKey: randomBytes(24).toString("hex"),
  };
  writePrivateJson(path("credentials.json"), values);
}

/** Secrets at rest are sealed (XSalsa20 and Poly1305), so that no copy of etcd's files holds a plain one. */
function encryptionConfiguration(key: Buffer): object {
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [
      {
        resources: ["secrets"],
        providers: [
          { secretbox: { keys: [{ name: "key1", secret: key.toString("base64") }] } },
          { identity: {} },
        ],
      },
    ],
  };
}

function readAuthority(path: (file: string) => string, name: string): KeyPair {
  const pair = { certificate: mustRead(path(`${name}.crt`)), key: mustRead(path(`${name}.key`)) };
  const defect = keyPairDefect(pair, pair);
  if (defect !== undefined) throw lost(`${path(`${name}.crt`)} and ${path(`${name}.key`)}`, defect);
  return pair;
}

function readValues(file: string): Values {
  try {
    return valuesSchema.parse(JSON.parse(mustRead(file)));
  } catch (error) {
    // A parser's message may quote the secret that it stumbled over.
    throw error instanceof z.ZodError || error instanceof SyntaxError ? lost(file, "it is damaged") : error;
  }
}

function readEncryptionKey(file: string): void {
  try {
    JSON.parse(mustRead(file));
  } catch (error) {
    throw error instanceof SyntaxError ? lost(file, "it is damaged") : error;
  }
}

function publicKeyOf(file: string): string {
  const pem = mustRead(file);
  try {
    return createPublicKey(createPrivateKey(pem)).export({ format: "pem", type: "spki" }).toString();
  } catch {
    throw lost(file, "it is damaged");
  }
}

function mustRead(file: string): string {
  const text = readIfExists(file);
  if (text === undefined) throw lost(file, "it is missing");
  return text;
}

function lost(file: string, defect: string): Error {
  return new Error(
    `${file}: ${defect}. The cluster's data cannot be used without; restore it from a backup, or ` +
      "remove the cluster with `node tools/embedded/cli.ts destroy` and start a new one.",
  );
}

async function ensureLeaf(
  path: (file: string) => string,
  name: string,
  authority: KeyPair,
  subject: Subject,
  log: Log,
): Promise<void> {
  const certificate = readIfExists(path(`${name}.crt`));
  const key = readIfExists(path(`${name}.key`));
  if (certificate !== undefined && key !== undefined) {
    const defect = keyPairDefect({ certificate, key }, authority);
    if (defect === undefined) return;
    log.info(`the certificate of ${name} is made anew: ${defect}`);
  }
  const pair = await issueCertificate(authority, subject);
  writePrivate(path(`${name}.key`), pair.key);
  writePrivate(path(`${name}.crt`), pair.certificate);
}

function writeKubeconfigs(
  layout: Layout,
  path: (file: string) => string,
  ports: Ports,
  authority: KeyPair,
  values: Values,
): void {
  const server = `https://127.0.0.1:${ports["kube-apiserver"]}`;
  const { certificate } = authority;
  writePrivate(layout.kubeconfig, kubeconfig(server, certificate, "admin", { token: values.adminToken }));
  for (const name of apiClients) {
    const user = { "client-certificate": path(`${name}.crt`), "client-key": path(`${name}.key`) };
    writePrivate(path(`${name}.kubeconfig`), kubeconfig(server, certificate, name, user));
  }
}
