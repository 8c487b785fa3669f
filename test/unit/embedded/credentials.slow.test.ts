import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createAuthority, issueCertificate, keyPairDefect } from "../../../tools/embedded/certificates.ts";
import { ensureCredentials } from "../../../tools/embedded/credentials.ts";
import type { Layout } from "../../../tools/embedded/layout.ts";
import { examplePorts, newCluster, recordingLog } from "./fixtures.ts";

describe("certificates", () => {
  it("are signed by their authority and good for the names and addresses served", async () => {
    const authority = await createAuthority("test");
    const pair = await issueCertificate(authority, {
      name: "system:kube-scheduler",
      group: "system:masters",
      serves: { dns: ["localhost"], ip: ["127.0.0.1"] },
    });
    const certificate = new X509Certificate(pair.certificate);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
    expect(certificate.subject).toBe("CN=system:kube-scheduler\nO=system:masters");
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.ca).toBe(false);
    expect(keyPairDefect(pair, authority)).toBeUndefined();
  });

  it("of a client serve nothing", async () => {
    const authority = await createAuthority("test");
    const { certificate } = await issueCertificate(authority, { name: "client" });
    expect(new X509Certificate(certificate).subjectAltName).toBeUndefined();
    // Extended key usage "TLS web client authentication" alone.
    expect(new X509Certificate(certificate).keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  });

  it("are found defective: damaged, not matching, of another authority, about to expire", async () => {
    const [one, other] = [await createAuthority("one"), await createAuthority("other")];
    const pair = await issueCertificate(one, { name: "a" });
    const second = await issueCertificate(one, { name: "b" });
    expect(keyPairDefect({ ...pair, certificate: "damaged" }, one)).toBeDefined();
    expect(keyPairDefect({ ...pair, key: second.key }, one)).toContain("do not match");
    expect(keyPairDefect(pair, other)).toContain("not signed");
    const inTwoYears = new Date(Date.now() + 710 * 86_400_000);
    expect(keyPairDefect(pair, one, inTwoYears)).toContain("expires");
  });
});

/** All files of secrets by name. */
function contents(layout: Layout): Record<string, string> {
  const files = readdirSync(layout.secrets);
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(layout.secrets, file), "utf8")]));
}

/** As after the first start of etcd. */
function pretendData(layout: Layout): void {
  mkdirSync(join(layout.etcdData, "member"));
}

describe("ensureCredentials", () => {
  it("makes secrets that only their owner can read, and finds them all again", async () => {
    const layout = newCluster();
    const first = await ensureCredentials(layout, examplePorts, recordingLog());
    const made = contents(layout);
    for (const file of [...Object.keys(made).map((name) => join(layout.secrets, name)), layout.kubeconfig]) {
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
    }
    expect(statSync(layout.secrets).mode & 0o777).toBe(0o700);
    pretendData(layout);
    const again = await ensureCredentials(layout, examplePorts, recordingLog());
    expect(again.adminToken).toBe(first.adminToken);
    expect(contents(layout)).toEqual(made);
  });

  it("makes others for every cluster", async () => {
    const one = await ensureCredentials(newCluster(), examplePorts, recordingLog());
    const two = await ensureCredentials(newCluster(), examplePorts, recordingLog());
    expect(one.adminToken).not.toBe(two.adminToken);
    expect(one.minioSecretKey).not.toBe(two.minioSecretKey);
  });

  it("makes a damaged or missing certificate anew, and says so", async () => {
    const layout = newCluster();
    await ensureCredentials(layout, examplePorts, recordingLog());
    pretendData(layout);
    writeFileSync(join(layout.secrets, "kwok.crt"), "damaged");
    rmSync(join(layout.secrets, "etcd.key"));
    const log = recordingLog();
    const { authority } = await ensureCredentials(layout, examplePorts, log);
    expect(log.lines).toEqual([expect.stringContaining("kwok")]);
    const pair = {
      certificate: readFileSync(join(layout.secrets, "kwok.crt"), "utf8"),
      key: readFileSync(join(layout.secrets, "kwok.key"), "utf8"),
    };
    expect(keyPairDefect(pair, authority)).toBeUndefined();
  });

  it.each([
    "ca.crt",
    "etcd-ca.key",
    "service-account.key",
    "encryption.json",
    "credentials.json",
  ])("refuses to go on when %s is lost although there is data", async (file) => {
    const layout = newCluster();
    await ensureCredentials(layout, examplePorts, recordingLog());
    pretendData(layout);
    const path = join(layout.secrets, file);
    writeFileSync(path, "damaged");
    await expect(ensureCredentials(layout, examplePorts, recordingLog())).rejects.toThrow(path);
    rmSync(path);
    await expect(ensureCredentials(layout, examplePorts, recordingLog())).rejects.toThrow("it is missing");
  });

  it("starts over when it was killed before the cluster had data", async () => {
    const layout = newCluster();
    writeFileSync(join(layout.secrets, "ca.crt"), "half a certificate");
    await expect(ensureCredentials(layout, examplePorts, recordingLog())).resolves.toBeDefined();
  });
});
