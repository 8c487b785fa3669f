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

interface TensorMetadata {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
}

/** One row of zeros, in the form that the model itself names. */
async function bodyFor(url: string): Promise<string> {
  const response = await fetch(url);
  const { inputs } = (await response.json()) as { inputs: TensorMetadata[] };
  const filled = inputs.map(({ name, shape, datatype }) => {
    const sized = shape.map((size) => (size < 0 ? 1 : size));
    const data = new Array(sized.reduce((product, size) => product * size, 1)).fill(0);
    return { name, shape: sized, datatype, data };
  });
  return JSON.stringify({ inputs: filled });
}

async function ask(url: string, body: string): Promise<Asked> {
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

  private constructor(url: string, body: string, store: ObjectStore, model: string) {
    const asking = async (): Promise<void> => {
      while (this.going) {
        this.asked.push(await ask(url, body));
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

  static async start(gateway: string, store: ObjectStore, model: string): Promise<Client> {
    const url = `${gateway}/v2/models/${model}`;
    return new Client(url, await bodyFor(url), store, model);
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
