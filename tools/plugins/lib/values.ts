import {
  specialArchiveSig,
  specialAssetSig,
  specialSecretSig,
  specialSigKey,
  unknownValue,
} from "@pulumi/pulumi/runtime/rpc.js";

/** A property value as Pulumi's provider protocol carries it: JSON with signed objects for what JSON lacks. */
export type PropertyValue = null | boolean | number | string | readonly PropertyValue[] | PropertyMap;
export interface PropertyMap {
  readonly [name: string]: PropertyValue;
}

/** Stands for an array, object, number or boolean that is not known before an update (sdk/go plugin/rpc.go). */
const typedUnknowns = [
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
];
const unknowns = new Set<PropertyValue>([unknownValue, ...typedUnknowns]);

export function isList(value: PropertyValue | undefined): value is readonly PropertyValue[] {
  return Array.isArray(value);
}

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSecret(value: PropertyValue | undefined): value is PropertyMap {
  return isMap(value) && value[specialSigKey] === specialSecretSig;
}

/** Marks a value as secret; one that is already marked stays as it is. */
export function secret(value: PropertyValue): PropertyValue {
  return isSecret(value) ? value : { [specialSigKey]: specialSecretSig, value };
}

function children(value: PropertyValue): readonly PropertyValue[] {
  return isList(value) ? value : isMap(value) ? Object.values(value) : [];
}

export function containsSecret(value: PropertyValue): boolean {
  return isSecret(value) || children(value).some(containsSecret);
}

export function containsUnknown(value: PropertyValue): boolean {
  return unknowns.has(value) || children(value).some(containsUnknown);
}

/** The value without any marks of secrecy. */
export function reveal(value: PropertyValue): PropertyValue {
  if (isSecret(value)) return reveal(value.value ?? null);
  if (isList(value)) return value.map(reveal);
  return isMap(value) ? revealAll(value) : value;
}

export function revealAll(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, reveal(value)]));
}

/** Every text inside a secret, for redaction. */
export function secretTexts(value: PropertyValue): string[] {
  if (isSecret(value)) return texts(reveal(value));
  return children(value).flatMap(secretTexts);
}

function texts(value: PropertyValue): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "number" ? [String(value)] : children(value).flatMap(texts);
}

function isAssetOrArchive(value: PropertyMap): boolean {
  return value[specialSigKey] === specialAssetSig || value[specialSigKey] === specialArchiveSig;
}

/** Deep equality as the engine sees it: null is absent, and assets are the same when their contents are. */
export function equal(left: PropertyValue | undefined, right: PropertyValue | undefined): boolean {
  if ((left ?? null) === (right ?? null)) return true;
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((item, index) => equal(item, right[index]));
  }
  if (!isMap(left) || !isMap(right)) return false;
  if (isAssetOrArchive(left) && left[specialSigKey] === right[specialSigKey]) {
    return left.hash === right.hash;
  }
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) =>
    equal(left[name], right[name]),
  );
}
