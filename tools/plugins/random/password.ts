import { genSalt, hash } from "bcryptjs";
import { characterInputs, randomCharacters, validateCharacters, withNumericSynonym } from "./characters.ts";
import type { RandomResource } from "./resource.ts";

/** Cost of Go's bcrypt.DefaultCost, which the real plugin uses. */
const bcryptCost = 10;

/**
 * The bcrypt hash of a password, or of its first 72 bytes: bcrypt reads no more, and the real plugin cuts there.
 * Go's name for the algorithm is 2a; it is the same as 2b.
 */
async function bcryptHash(password: string): Promise<string> {
  const salt = await genSalt(bcryptCost);
  return hash(password, salt.replace("$2b$", "$2a$"));
}

const shared = {
  inputs: characterInputs,
  storesId: true,
  complete: withNumericSynonym,
  validate: validateCharacters,
} as const;

/** A random string that is an output like any other: not for secrets. */
export const randomString: RandomResource<typeof characterInputs> = {
  ...shared,
  schemaVersion: 2,
  outputs: { result: { type: "string" } },
  make(inputs) {
    const result = randomCharacters(inputs);
    return { id: result, outputs: { result } };
  },
};

/** A random string that is a secret, with its bcrypt hash. */
export const randomPassword: RandomResource<typeof characterInputs> = {
  ...shared,
  schemaVersion: 3,
  outputs: { bcryptHash: { type: "string", secret: true }, result: { type: "string", secret: true } },
  async make(inputs) {
    const result = randomCharacters(inputs);
    return { id: "none", outputs: { bcryptHash: await bcryptHash(result), result } };
  },
};
