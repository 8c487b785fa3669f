import { randomUUID, randomBytes as secureBytes } from "node:crypto";
import type { PropertySpecs } from "../lib/schema.ts";
import type { PropertyMap } from "../lib/values.ts";
import { keepers, type RandomResource } from "./resource.ts";

const idInputs = {
  ...keepers,
  byteLength: { type: "integer", required: true },
  prefix: { type: "string" },
} as const satisfies PropertySpecs;

function idOutputs(bytes: Buffer, prefix = ""): PropertyMap {
  return {
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + bytes.toString("base64url"),
    dec: prefix + BigInt(`0x0${bytes.toString("hex")}`).toString(),
    hex: prefix + bytes.toString("hex"),
  };
}

/** Random bytes as an identifier in several notations, with an optional prefix. */
export const randomId: RandomResource<typeof idInputs> = {
  inputs: idInputs,
  outputs: {
    b64Std: { type: "string" },
    b64Url: { type: "string" },
    dec: { type: "string" },
    hex: { type: "string" },
  },
  storesId: true,
  validate: ({ byteLength }) =>
    byteLength < 1 ? [{ property: "byteLength", reason: `must be at least 1, is ${byteLength}` }] : [],
  make({ byteLength, prefix }) {
    const bytes = secureBytes(byteLength);
    return { id: bytes.toString("base64url"), outputs: idOutputs(bytes, prefix) };
  },
};

const bytesInputs = {
  ...keepers,
  length: { type: "integer", required: true },
} as const satisfies PropertySpecs;

function bytesOutputs(bytes: Buffer): PropertyMap {
  return { base64: bytes.toString("base64"), hex: bytes.toString("hex") };
}

/** Random bytes as secret outputs. As in the real plugin the id is the same base64 and is no secret. */
export const randomBytes: RandomResource<typeof bytesInputs> = {
  inputs: bytesInputs,
  outputs: { base64: { type: "string", secret: true }, hex: { type: "string", secret: true } },
  storesId: false,
  validate: ({ length }) =>
    length < 1 ? [{ property: "length", reason: `must be at least 1, is ${length}` }] : [],
  make({ length }) {
    const bytes = secureBytes(length);
    return { id: bytes.toString("base64"), outputs: bytesOutputs(bytes) };
  },
};

function uuidResource(makeUuid: () => string): RandomResource<typeof keepers> {
  return {
    inputs: keepers,
    outputs: { result: { type: "string" } },
    storesId: true,
    make() {
      const result = makeUuid();
      return { id: result, outputs: { result } };
    },
  };
}

/** 128 random bits in the notation of a UUID: like the real plugin's, without the bits that tell a version. */
export const randomUuid = uuidResource(() =>
  secureBytes(16)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
);

/** A version 4 UUID. */
export const randomUuid4 = uuidResource(randomUUID);
