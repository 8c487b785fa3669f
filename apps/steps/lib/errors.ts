/** A step was called wrongly or got input that it cannot use: trying again does not help. Exit code 2. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** A gate said no, or could not tell. Exit code 3. */
export class GateStopped extends Error {
  override readonly name = "GateStopped";
}
