import { describe, expect, it } from "vitest";
import { allowedHosts } from "../../../components/platform/mlflow.ts";
import { endpointParts } from "../../../components/platform/values.ts";
import { cloud, embedded, k3d, valuesOf } from "./contexts.ts";

describe("minio", () => {
  const values = valuesOf("minio");

  it("is one server with the administrator of the Secret and no other user", () => {
    expect(values).toMatchObject({
      mode: "standalone",
      replicas: 1,
      existingSecret: "minio-root",
      users: [],
      deploymentUpdate: { type: "Recreate" },
    });
    expect(values).not.toHaveProperty("rootUser");
    expect(values).not.toHaveProperty("rootPassword");
  });

  it("makes the three buckets, private and versioned", () => {
    expect(values.buckets).toEqual(
      ["mlflow-artifacts", "model-registry", "datasets"].map((name) => ({
        name,
        policy: "none",
        purge: false,
        versioning: true,
      })),
    );
  });

  it("replaces the chart's 500 GiB and 16 GiB of memory", () => {
    expect(values.persistence.size).toBe("10Gi");
    expect(values.resources.requests.memory).toBe("512Mi");
    expect(valuesOf("minio", { size: "production" }).persistence.size).toBe("200Gi");
    expect(valuesOf("minio", { target: embedded }).persistence.storageClass).toBe("standard");
  });
});

describe("mlflow", () => {
  it("keeps SQLite on its own volume, with one writer", () => {
    const values = valuesOf("mlflow", { size: "production" });
    expect(values).toMatchObject({
      replicaCount: 1,
      strategy: { type: "Recreate" },
      backendStore: { defaultSqlitePath: "/mlflow/data/mlflow.db" },
    });
    expect(values.extraVolumes).toContainEqual({
      name: "sqlite",
      persistentVolumeClaim: { claimName: "mlflow-sqlite" },
    });
    expect(values.extraVolumeMounts).toContainEqual({ name: "sqlite", mountPath: "/mlflow/data" });
  });

  it("uses PostgreSQL with the credentials of a Secret, and then more replicas", () => {
    const values = valuesOf("mlflow", { target: cloud, size: "production" });
    expect(values).toMatchObject({
      replicaCount: 2,
      backendStore: {
        databaseMigration: true,
        postgres: { enabled: true, host: "db.internal", port: 5432, database: "mlflow" },
        existingDatabaseSecret: { name: "mlflow-database" },
      },
    });
    expect(values).not.toHaveProperty("strategy");
    expect(JSON.stringify(values)).not.toContain("sqlite");
  });

  it("passes artifacts through to a self-hosted store with the keys of a Secret", () => {
    const values = valuesOf("mlflow");
    expect(values.artifactRoot).toEqual({
      proxiedArtifactStorage: true,
      s3: { enabled: true, bucket: "mlflow-artifacts", existingSecret: { name: "object-store" } },
    });
    expect(values.extraEnvVars.MLFLOW_S3_ENDPOINT_URL).toBe("http://minio.minio.svc.cluster.local:9000");
  });

  it("uses the service account's role where there are no keys", () => {
    const values = valuesOf("mlflow", { target: cloud });
    expect(values.artifactRoot.s3).toEqual({ enabled: true, bucket: "artifacts-x1" });
    expect(values.extraEnvVars).not.toHaveProperty("MLFLOW_S3_ENDPOINT_URL");
    expect(values.serviceAccount).toMatchObject({ automount: false, annotations: { role: "mlflow/mlflow" } });
  });

  it("answers its names on every port, which MLflow compares as part of the header", () => {
    const hosts = allowedHosts("mlflow.localhost");
    for (const name of ["mlflow.localhost", "mlflow.mlflow.svc.cluster.local", "localhost"]) {
      expect(hosts).toContain(name);
      expect(hosts).toContain(`${name}:*`);
    }
    expect(hosts).not.toContain("*");
    expect(valuesOf("mlflow").corsAllowedOrigins).toContain("http://mlflow.localhost:*");
    expect(valuesOf("mlflow", { target: embedded }).corsAllowedOrigins).toEqual([]);
  });

  it("lets Prometheus scrape pods by any private address", () => {
    const hosts = allowedHosts(undefined);
    expect(hosts).toEqual(expect.arrayContaining(["10.*", "192.168.*", "172.16.*", "172.31.*"]));
    expect(hosts).not.toContain("172.32.*");
  });

  it("starts no job workers and gives the exporter a place to write", () => {
    const values = valuesOf("mlflow");
    expect(values.extraEnvVars.MLFLOW_SERVER_ENABLE_JOB_EXECUTION).toBe("false");
    expect(values.extraVolumeMounts).toContainEqual({ name: "metrics", mountPath: "/mlflow/metrics" });
  });
});

describe("endpointParts", () => {
  it.each([
    ["http://minio.minio.svc:9000", { authority: "minio.minio.svc:9000", tls: false }],
    ["https://s3.example.com/", { authority: "s3.example.com", tls: true }],
  ])("splits %s", (endpoint, parts) => {
    expect(endpointParts({ ...k3d.objectStore, endpoint })).toEqual(parts);
  });

  it("has nothing to split on AWS", () => {
    expect(endpointParts(cloud.objectStore)).toBeUndefined();
  });

  it.each(["minio:9000", "s3://minio", "http://", "http://host/path"])("refuses %s by name", (endpoint) => {
    expect(() => endpointParts({ ...k3d.objectStore, endpoint })).toThrow(endpoint);
  });
});
