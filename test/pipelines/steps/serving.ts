/**
 * Stands for Triton's replicas, the reconciler and the gateways, where a test is about the steps: what the record
 * wants is ready, and answers as the test says. The real ones have tests of their own.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type ObjectStore, readManifest, readRecord, wantedVersions } from "@mlops/registry";

export class StubServing {
  /** Probabilities that every version answers, row-major. */
  probabilities: (number | null)[] = [];
  /** Whether wanted versions get ready. */
  loads = true;
  /** Whether gateways see new epochs. */
  acknowledges = true;
  readonly #store: ObjectStore;
  readonly #model: string;
  readonly #server: Server;

  private constructor(store: ObjectStore, model: string) {
    this.#store = store;
    this.#model = model;
    this.#server = createServer((incoming, outgoing) => {
      incoming.resume().on("end", () => {
        this.#answer(incoming.url ?? "").then(
          ({ status, body }) => outgoing.writeHead(status).end(JSON.stringify(body)),
          () => outgoing.writeHead(500).end("{}"),
        );
      });
    });
  }

  static async start(store: ObjectStore, model: string): Promise<StubServing> {
    const stub = new StubServing(store, model);
    await new Promise<void>((resolve) => stub.#server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(path: string): Promise<{ status: number; body: unknown }> {
    const record = (await readRecord(this.#store, this.#model))?.record;
    if (path === "/admin/models") {
      const epoch = this.acknowledges ? (record?.epoch ?? 0) : 0;
      return { status: 200, body: { [this.#model]: { epoch, inFlight: {} } } };
    }
    const [, name = "", action] = /^\/v2\/models\/([^/]+)\/(ready|infer)$/.exec(path) ?? [];
    const version = record && wantedVersions(record).find(({ servedName }) => servedName === name);
    const manifest = version && (await readManifest(this.#store, version.artifact.prefix));
    if (!this.loads || manifest?.sha256 !== version?.artifact.sha256 || version === undefined) {
      return { status: 400, body: { error: `${name} is not loaded` } };
    }
    if (action === "ready") return { status: 200, body: {} };
    const shape = [2, this.probabilities.length / 2];
    return {
      status: 200,
      body: { outputs: [{ name: "probabilities", datatype: "FP32", shape, data: this.probabilities }] },
    };
  }
}
