/** A client that asks a stable model name all the while, and somebody who reads the model's record beside it. */
import { type ModelRecord, type ObjectStore, readRecord } from "@mlops/registry";

export interface Asked {
  /** By the clock of `performance.now()`. */
  readonly sentAt: number;
  /** 0 when there was no whole answer. */
  readonly status: number;
  readonly version: string | undefined;
  /** Of the record by which the gateway chose the version. */
  readonly epoch: number;
  readonly text: string;
}

const PAUSE_MS = 20;

/** An empty picture, as the digits' models take them. */
const body = JSON.stringify({
  inputs: [{ name: "input", shape: [1, 1, 28, 28], datatype: "FP32", data: new Array(28 * 28).fill(0) }],
});

async function ask(url: string): Promise<Asked> {
  const sentAt = performance.now();
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/infer`, { method: "POST", body, headers });
    const text = await response.text();
    return {
      sentAt,
      status: response.status,
      version: response.headers.get("x-mlops-model-version") ?? undefined,
      epoch: Number(response.headers.get("x-mlops-epoch")),
      text,
    };
  } catch (error) {
    return { sentAt, status: 0, version: undefined, epoch: 0, text: String(error) };
  }
}

export class Client {
  readonly asked: Asked[] = [];
  /** What the record said, by epoch. */
  readonly records = new Map<number, ModelRecord>();
  private going = true;
  private readonly ended: Promise<unknown>;

  constructor(gateway: string, store: ObjectStore, model: string) {
    const url = `${gateway}/v2/models/${model}`;
    const asking = async (): Promise<void> => {
      while (this.going) {
        this.asked.push(await ask(url));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    const reading = async (): Promise<void> => {
      while (this.going) {
        const found = await readRecord(store, model);
        if (found !== undefined) this.records.set(found.record.epoch, found.record);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    this.ended = Promise.all([asking(), reading()]);
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.ended;
  }

  /** Versions that were live at `epoch`; two where the record was not read at that very epoch and changed around it. */
  liveAt(epoch: number): Set<string | undefined> {
    const known = [...this.records.keys()].sort((a, b) => a - b);
    const before = known.findLast((one) => one <= epoch);
    const after = known.find((one) => one >= epoch);
    const around = [before, after].flatMap((one) => (one === undefined ? [] : [this.records.get(one)]));
    return new Set(around.map((record) => record?.live?.servedName));
  }
}
