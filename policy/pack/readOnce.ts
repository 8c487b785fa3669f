import messages from "@pulumi/policy/deserialize.js";

/** The part of CrossGuard that takes apart what the engine sends; its types do not tell of it. */
export interface MessageReader {
  /** @param keepSecrets as a remediation needs it, which changes what it is given. */
  deserializeProperties(message: object, keepSecrets: boolean): object;
}

/**
 * Has CrossGuard take apart once what the engine sends of a resource and of its provider. It does so anew for each
 * policy, although policies that validate only read.
 */
export function readMessagesOnce(reader = messages as unknown as MessageReader): void {
  const read = new WeakMap<object, object>();
  const { deserializeProperties } = reader;
  reader.deserializeProperties = (message, keepSecrets) => {
    if (keepSecrets) return deserializeProperties(message, keepSecrets);
    const properties = read.get(message) ?? deserializeProperties(message, keepSecrets);
    read.set(message, properties);
    return properties;
  };
}
